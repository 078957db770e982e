"""The command line: exit codes, shapes, sentences. The parts are in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, RejectedLine
from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.partition import of_source
from tests.unit.cli.conftest import Weir
from tests.unit.counts.job import JOB, START, TOPIC, Job
from tests.unit.supervise.bench import Bench
from weir.cli import app as cli
from weir.cli.common import who
from weir.counts.folding import fold_many, pending
from weir.counts.proven import Proven
from weir.errors import NotRunning
from weir.jobs.folders import sound
from weir.jobs.kinds import KINDS
from weir.settings import OWN_JOBS
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.manager import ActionResult
from weir.supervise.observe.health import Readiness

at = partial(of_source, "topic-1")  # offsets by partition

WEIR = Path(sys.executable).with_name("weir")
S = 1000


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    """Three errors and a notice in two panes, two rejected lines; behind the commands in place of the real parts."""
    job = Job()
    for at, level in ((0, "error"), (1, "error"), (12, "error"), (13, "notice")):
        job.send(START + at * S, level=level)
    job.send_bad(b"\xff", "not_utf8", 1)
    job.land()
    job.send_bad(b"", "empty", 1)
    job.land()
    for module in ("common", "counts", "query", "proof"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_store", lambda _: nullcontext(job.store))
    monkeypatch.setattr("weir.factory.source_of", lambda _: job.broker)
    return job


def test_counts_as_json(weir: Weir, job: Job) -> None:
    code, out, _ = weir("counts", "--all", "--by", "level", "--levels", "all", "--window", "20s", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert rows == [
        {"window_start": "2026-01-31T12:00:00Z", "window_end": "2026-01-31T12:00:20Z", "level": "error", "n": 3},
        {"window_start": "2026-01-31T12:00:00Z", "window_end": "2026-01-31T12:00:20Z", "level": "notice", "n": 1},
    ]


def test_counts_slide_fill_and_by_none(weir: Weir, job: Job) -> None:
    span = ("--since", "2026-01-31T12:00:00Z", "--until", "2026-01-31T12:00:40Z")
    _, out, _ = weir("counts", "--window", "20s", "--slide", "10s", *span, "--by", "none", "--fill", "0", "--format", "csv")
    assert [line.rsplit(",", 1)[1] for line in out.splitlines()] == ["n", "3", "1", "0", "0"]


def test_counts_explains_what_it_read_on_standard_error_only(weir: Weir, job: Job) -> None:
    fold_many(job.store, JOB, pending(job.store, JOB), 1)
    asked = ("counts", "--all", "--window", "1h", "--by", "none", "--format", "json")
    code, out, err = weir(*asked, "--explain")
    assert (code, err) == (0, "1 hour from hour roll-ups; deltas of 0 hours and shards\n")
    assert weir(*asked)[1:] == (out, "")


def test_counts_of_closed_windows(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: START / 1000)
    _, out, err = weir("counts", "--all", "--closed")
    assert (out, err) == ("", "No lines of level error in this time. Other levels: --levels all.\n")
    monkeypatch.setattr(time, "time", lambda: START / 1000 + 3600)
    assert "2026-01-31T12:00:10Z" in weir("counts", "--all", "--closed")[1]


def test_counts_are_of_the_last_hour_unless_asked(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: START / 1000 + 1800)
    _, out, err = weir("counts")
    assert "2026-01-31T12:00:00Z" in out
    assert err == "Windows of the last hour, from 2026-01-31T11:30:00Z on. Others: --since TIME, or --all\n"
    assert weir("counts", "--since", "1h")[1:] == (out, "")
    assert "2026-01-31T12:00:00Z" in weir("counts", "--window", "1h")[1], "options say what to look at"

    monkeypatch.setattr(time, "time", lambda: START / 1000 + 7 * 86400)
    _, out, err = weir("counts")
    told = "No lines of level error in this time. Other levels: --levels all. The newest counted line is of 2026-01-31T12:00:13Z: "
    assert out == "" and err.endswith(f"{told}--since 2026-01-31T11:00:13Z.\n")
    assert weir("counts", "--levels", "all")[1] != ""


def test_counts_of_some_services_and_signatures(weir: Weir, job: Job) -> None:
    def rows(*args: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(weir("counts", "--all", "--levels", "all", "--format", "json", *args)[1])
        return found

    everything = rows()
    for row in everything:
        assert rows("--service", row["service"]) == [one for one in everything if one["service"] == row["service"]]
    some = next(row["signature"] for row in everything if row["signature"])
    assert rows("--signature", some[1:5]) == [one for one in everything if some[1:5] in one["signature"]]
    assert rows("--service", "none such") == []
    assert sum(row["n"] for row in rows("--by", "none", "--signature", some)) < sum(row["n"] for row in everything)


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        (("--window", "15s"), "window: 15s is not valid. It must be a multiple of the pane, 10s."),
        (("--slide", "20s"), "slide: 20s is longer than the window, 10s."),
        (("--window", "ten"), "window: 'ten' is not a duration."),
        (("--since", "yesterday"), "since: 'yesterday' is not a time."),
        (("--fill", "1"), "fill: 1 is not 0."),
        (("--by", "host"), "by: there is no dimension 'host'."),
        (("--job", "nothing"), "There is no job 'nothing'."),
    ],
)
def test_bad_usage_is_refused_with_the_rule(weir: Weir, job: Job, args: tuple[str, ...], rule: str) -> None:
    code, out, err = weir("counts", *args)
    assert (code, out) == (2, "")
    assert err.startswith("WEIR-10") and rule in err


def test_the_ledger(weir: Weir, job: Job) -> None:
    code, out, _ = weir("ledger", JOB, "--last", "1", "--format", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert row["offsets"] == {"0": [4, 4], "1": [1, 2]}
    assert {k: row[k] for k in ("epoch", "batch_id", "state", "lines", "rejected", "late", "attempt")} == {
        "epoch": 1, "batch_id": 1, "state": "landed", "lines": 1, "rejected": 1, "late": 0, "attempt": 1,
    }  # fmt: skip


def test_rejected_lines_are_shown_escaped(weir: Weir, job: Job) -> None:
    job.store.rejected[JOB, (1, 1)] = [line.__class__(TOPIC, 1, 1, "web", "x", b"\x1b[2J\xff") for line in job.store.rejected[JOB, (1, 1)]]
    _, out, _ = weir("rejected", JOB, "--reason", "x")
    assert "\\x1b[2J\\xff" in out and "\x1b" not in out
    assert len(json.loads(weir("rejected", JOB, "--limit", "1", "--format", "json")[1])) == 1
    assert "There is no sample of a rejected line with the reason nope." in weir("rejected", JOB, "--reason", "nope")[2]


def test_rejected_lines_are_parsed_again(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    from spark_jobs.counts import reparse

    samples = [RejectedLine(TOPIC, 1, 1, "web", "x", b"a" * 4096, START), RejectedLine(TOPIC, 1, 2, "web", "x", b"b")]
    job.store.rejected[JOB, (1, 1)] = samples
    asked: list[Any] = []
    found = [reparse.Outcome(None, "error", START), reparse.Outcome("not_a_log_line", None, None)]
    monkeypatch.setattr(reparse, "session", lambda: SimpleNamespace(stop=lambda: asked.append("stopped")))
    monkeypatch.setattr(reparse, "outcomes", lambda spark, options, lines: asked.append((options, lines)) or found)
    code, out, _ = weir("rejected", JOB, "--reason", "x", "--reparse", "--format", "json")
    undated, cut = json.loads(out)
    assert (code, cut["reason"], cut["now"], cut["note"]) == (0, "x", "not_a_log_line", "cut: only its first 4096 bytes were kept")
    assert (undated["now"], undated["level"], undated["event_time"]) == ("counted", "error", "2026-01-31T12:00:00Z")
    assert undated["note"] == "its append time was not kept: it may be dated too far ahead"
    (options, lines), stopped = asked
    assert (options, lines, stopped) == (CountsOptions(), samples[::-1], "stopped")


def test_wait(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weir("wait", JOB, "--lag", "0")[0] == 0
    job.send(START)
    assert weir("wait", JOB, "--lag", "1")[0] == 0
    code, _, err = weir("wait", JOB, "--timeout", "0s")
    assert (code, err) == (1, f"WEIR-205: Lines that have not landed in 0s: 1. See: weir health {JOB}\n")
    monkeypatch.setattr(time, "sleep", lambda _: job.land())
    assert weir("wait", JOB)[0] == 0


def test_recount(weir: Weir, job: Job) -> None:
    code, out, err = weir("recount", JOB)
    found = json.loads(out)
    assert code == 0 and "none is missing or doubled" in err
    assert {k: found[k] for k in ("missing", "doubled", "late", "rejected", "checked_lines", "unchecked_lines")} == {
        "missing": 0, "doubled": 0, "late": 0, "rejected": 2, "checked_lines": 6, "unchecked_lines": 0,
    }  # fmt: skip
    assert job.store.recounts(JOB)[0]["checked_lines"] == 6
    for rows in job.store._deltas.values():
        rows.clear()
    code, out, err = weir("recount", JOB, "--format", "csv")
    assert code == 1 and "WEIR-401" in err and "4 lines are missing" in err
    assert weir("recount", JOB, "--until", "1999-01-01")[0] == 1


def test_recount_of_everything_keeps_how_far_the_counts_are_proven(weir: Weir, job: Job) -> None:
    code, _, err = weir("recount", JOB, "--since", "2026-01-31")
    assert code == 0 and "is proven" not in err and job.store.proven(JOB) is None
    code, _, err = weir("recount", JOB, "--workers", "1")
    assert code == 0 and "is proven, 6 of 6 lines were checked" in err
    assert json.loads(job.store.proven(JOB) or "")["position"] == [1, 1]
    assert "is proven" not in weir("recount", JOB)[2], "there is nothing new"


def test_recount_of_a_sample_says_which_hours_and_what_share(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in (1, 2, 3):
        job.send(START + hour * HOUR_MS, append=START + hour * HOUR_MS)
        job.land()
    monkeypatch.setattr(time, "time", lambda: START / 1000 + 12 * 3600)
    code, out, err = weir("recount", JOB, "--sample", "1", "--seed", "3")
    told = json.loads(out)
    assert code == 0 and (told["sample"]["of"], told["sample"]["seed"], len(told["sample"]["hours"])) == (3, 3, 1)
    assert told["sample"]["share"] == round(told["checked_lines"] / 9, 5) > 0
    assert f"1 of 3 closed hours, {told['sample']['share']:.2%} of all lines (--seed 3): {told['sample']['hours'][0]}" in err
    assert json.loads(weir("recount", JOB, "--sample", "1", "--seed", "3")[1]) == told
    assert job.store.recounts(JOB)[0]["sample"] == told["sample"] and job.store.proven(JOB) is None
    assert weir("recount", JOB, "--sample", "0")[0] == 2


def test_fold(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: START / 1000 + 3600)
    assert "No closed hour has changed" in weir("fold", JOB)[2]
    job.send(START + 2 * HOUR_MS, append=START + 2 * HOUR_MS)
    job.land()
    code, out, _ = weir("fold", JOB, "--format", "json")
    assert code == 0 and [row["outcome"] for row in json.loads(out)] == ["published"]


def test_fold_rolls_up_closed_days(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: START / 1000 + 3 * 86_400)
    job.send(START + 2 * DAY_MS, append=START + 2 * DAY_MS)
    job.land()
    assert weir("fold", JOB)[2] == "1 days and shards were rolled up\n"
    assert len(job.store.rolled(JOB)) == 1


def test_validate(weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEIR_DATA_DOCS", str(tmp_path))
    monkeypatch.setenv("WEIR_AIRFLOW_URL", "http://airflow:8080")  # else a stack that was started here says where it is
    code, out, err = weir("validate", JOB, "--format", "json")
    assert code == 0 and all(row["holds"] for row in json.loads(out)) and "expectations are met" in err
    assert str(tmp_path / JOB / "index.html") in err and f"http://airflow:8080/weir/docs/{JOB}/index.html" in err
    for rows in job.store._deltas.values():
        rows.clear()
    code, _, err = weir("validate", JOB)
    assert code == 1 and "WEIR-401" in err and "folded runs and deltas are what the ledger says" in err


PROVEN = {"proven": Proven((1, 4), 9, START, START - 60 * S, START + S, lines=8, checked=6).as_evidence()}


class FakeManager:
    """Answers as the manager would."""

    def __init__(self, job: Job) -> None:
        self.specs, self.store, self.asked = sound(OWN_JOBS), job.store, []  # type: ignore[var-annotated]

    def health(self, job: str) -> Report:
        evidence = {"lag": 7, "epoch": 1, "batch_id": 4, "landed_at": START, **PROVEN}
        return Report(job, Verdict.DOWN, 3, START, f"{job} is down", f"weir restart {job}", evidence)

    def onlooker(self) -> FakeManager:
        return self

    def reports(self, specs: dict[str, Any]) -> list[Report]:
        return [self.health(job) for job in specs]

    def deploy(self, *args: Any, **more: Any) -> ActionResult:
        return self._did("deploy", args, more)

    def plan(self, *args: Any) -> str:
        return f"the plan of {args}"

    def restart(self, *args: Any, **more: Any) -> ActionResult:
        return self._did("restart", args, more)

    def stop(self, *args: Any, **more: Any) -> ActionResult:
        return self._did("stop", args, more)

    def _did(self, *what: Any) -> ActionResult:
        self.asked.append(what)
        return ActionResult(what[0] != "stop", 4, f"{what[0]} was done.")


@pytest.fixture
def manager(job: Job, monkeypatch: pytest.MonkeyPatch) -> FakeManager:
    fake = FakeManager(job)
    monkeypatch.setattr("weir.cli.jobs.opened_manager", lambda: nullcontext(fake))
    return fake


def test_jobs_and_health(weir: Weir, manager: FakeManager) -> None:
    (row,) = json.loads(weir("jobs", "--format", "json")[1])
    assert (row["job"], row["kind"], row["desired"], row["verdict"], row["lag"]) == (JOB, "counts", "not deployed", "down", 7)
    assert (row["proven_up_to"], row["proven_share"]) == ("2026-01-31T12:00:00Z", 0.75)
    assert f"counts: {KINDS['counts'].promise}\n" in weir("jobs")[2]
    code, out, _ = weir("health", JOB, "--format", "json")
    report = json.loads(out)
    assert (code, report["verdict"], report["since"], report["evidence"]["lag"]) == (0, "down", "2026-01-31T12:00:00Z", 7)
    assert (report["evidence"]["landed_at"], report["lag_since"]) == ("2026-01-31T12:00:00Z", "")
    code, out, _ = weir("health", JOB, "--check")
    assert "proven: up_to: 2026-01-31T12:00:00Z, event_time: 2026-01-31T11:59:00Z, share: 0.75, lines: 8" in out
    assert code == 1 and out.startswith("down since 2026-01-31T12:00:00Z\nerror_counts is down\nnext: weir restart error_counts\n")


def test_what_the_manager_is_asked(weir: Weir, manager: FakeManager) -> None:
    assert weir("deploy", JOB, "--reason", "new")[2] == "deploy was done.\n"
    assert weir("restart", JOB, "--attempt", "3", "--reason", "why")[0] == 0
    assert weir("stop", JOB)[2] == "Nothing to do: stop was done.\n"
    assert manager.asked == [
        ("deploy", (JOB,), {"who": who(), "reason": "new", "plan": f"the plan of {(JOB, '')}"}),
        ("restart", (JOB, 3), {"who": who(), "reason": "why"}),
        ("stop", (JOB,), {"who": who(), "reason": "by command line"}),
    ]


def test_errors_go_to_standard_error(weir: Weir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.local.stack.status", _raises(NotRunning("Kafka does not answer.", "See: weir status")))
    assert weir("status") == (1, "", "WEIR-201: Kafka does not answer. See: weir status\n")
    monkeypatch.setattr("weir.local.stack.status", _raises(ZeroDivisionError("oh")))
    code, _, err = weir("status")
    assert code == 1 and err.startswith("WEIR-000: ZeroDivisionError: oh.")
    monkeypatch.setattr("weir.local.stack.status", _raises(KeyboardInterrupt()))
    assert weir("status")[0] == 130
    assert weir("nonsense")[0] == 2


def _raises(error: BaseException) -> Callable[[], Any]:
    def status() -> Any:
        raise error

    return status


def test_status(weir: Weir, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [{"part": "kafka", "state": "ok", "address": "127.0.0.1:1", "pid": 5, "since": "x"}]
    monkeypatch.setattr("weir.local.stack.status", lambda: parts)
    code, out, _ = weir("status", "--format", "json", "--check")
    assert (code, json.loads(out)) == (0, parts)
    monkeypatch.setattr("weir.local.stack.status", lambda: [{**parts[0], "state": "not running", "pid": 0, "since": ""}])
    assert weir("status")[1].splitlines()[-1].split() == ["kafka", "not", "running", "127.0.0.1:1"], "there is no process 0"
    monkeypatch.setattr("weir.local.stack.status", list)
    assert weir("status", "--check") == (1, "", "Nothing runs here. Start it with: weir up\n")


COMMANDS = [name.__name__.replace("_", "-") for group in cli.GROUPS.values() for name in group]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(weir: Weir, command: str) -> None:
    code, out, _ = weir(command, "--help")
    assert code == 0 and f"Example: weir {command}" in out


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    check = "import sys, weir.cli; print(sorted({'airflow', 'cassandra', 'confluent_kafka', 'pyspark', 'pydantic'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, check=True).stdout == b"[]\n"


def test_a_closed_pipe_is_no_drama() -> None:
    first = subprocess.Popen([str(WEIR), "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert first.stdout is not None and first.stderr is not None
    first.stdout.close()
    assert first.stderr.read() == b""
    first.wait(30)


# over a real manager in memory


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Attempt 1 has landed batches 0 and 1, and a third is planned."""
    bench = Bench(tmp_path)
    for module in ("jobs", "checkpoint", "pauses"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_manager", lambda: nullcontext(bench.manager))
    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    for n in range(2):
        bench.land(writer, n, 10 * n, 10 * n + 10)
    bench.checkpoints.plan(JOB, 1, 1, 2, {0: 25, 1: 0})
    return bench


@pytest.mark.parametrize(
    ("command", "lacks"),
    [
        (["fold", "words"], "folds"),
        (["recount", "words"], "recount"),
        (["validate", "words"], "validation"),
        (["ledger", "words"], "ledger"),
        (["wait", "words"], "ledger"),
        (["rejected", "words"], "counts"),
        (["counts", "--job", "words"], "counts"),
        (["checkpoint", "words"], "ledger"),
        (["checkpoint", "words", "--rebuild", "--yes"], "ledger"),
        (["quarantine", "words", "--reason", "x", "--yes"], "ledger"),
        (["restart", "words", "--accept-loss", "--reason", "x", "--yes"], "ledger"),
    ],
)
def test_a_command_that_a_plain_job_does_not_have_says_what_it_has(
    weir: Weir, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], lacks: str
) -> None:
    (tmp_path / "mine/words").mkdir(parents=True)
    (tmp_path / "mine/words/job.yaml").write_text("name: words\noutput: plain\napplication: words.py\n")
    monkeypatch.setenv("WEIR_JOBS", f":{tmp_path / 'mine'}")
    bench.manager.specs |= sound(tmp_path / "mine")
    for module in ("common", "counts", "query", "proof"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_store", lambda _: nullcontext(bench.store))
    code, _, err = weir(*command)
    assert (code, f"WEIR-101: words is a plain job, which has no {lacks}. A plain job has: deploy, restart, stop" in err) == (2, True), err


def test_a_plan_says_what_a_deploy_does_and_does_nothing(weir: Weir, bench: Bench) -> None:
    code, out, _ = weir("deploy", JOB, "--plan")
    assert code == 0 and "no change" in out
    spec = bench.manager.specs[JOB]
    bench.manager.specs[JOB] = spec.model_copy(update={"trigger": 5.0})
    code, out, _ = weir("deploy", JOB, "--plan")
    assert code == 0 and "same checkpoint" in out and "changes trigger: 1.0 -> 5.0" in out
    bench.manager.specs[JOB] = spec.model_copy(update={"source": spec.source.model_copy(update={"topic": "other"})})
    bench.broker.create("other", 2)
    code, out, _ = weir("deploy", JOB, "--plan")
    assert code == 1 and "refused" in out and "topic logs cannot become other" in out
    code, _, err = weir("deploy", JOB)
    assert code == 1 and "WEIR-304" in err
    assert len(bench.cluster.submissions) == 1


def test_versions_and_the_way_back(weir: Weir, bench: Bench) -> None:
    (first,) = json.loads(weir("versions", JOB, "--format", "json")[1])
    assert (first["current"], first["good"], first["kept"]) == (True, True, True)
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    assert weir("deploy", JOB)[0] == 0
    bench.clock.sleep(1)
    assert weir("deploy", JOB, "--to", first["version"][:6])[0] == 0
    rows = json.loads(weir("versions", JOB, "--format", "json")[1])
    assert [(r["version"] == first["version"], r["current"], r["good"]) for r in rows] == [(True, True, True), (False, False, False)]
    code, _, err = weir("deploy", JOB, "--to", "0123")
    assert code == 1 and "WEIR-305" in err and first["version"] in err


def test_the_checkpoint(weir: Weir, bench: Bench) -> None:
    code, out, _ = weir("checkpoint", JOB, "--format", "json")
    row = json.loads(out)
    assert code == 0 and row["bytes"] > 100 and row["location"] == "memory://error_counts/1/1"
    assert {k: row[k] for k in ("health", "epoch", "attempt", "planned_batch", "committed_batch", "offsets", "files")} == {
        "health": "ok", "epoch": 1, "attempt": 1, "planned_batch": 2, "committed_batch": 1, "offsets": {"0": 20, "1": 0}, "files": 6,
    }  # fmt: skip
    assert "committed_batch: 1\noffsets:         0: 20, 1: 0\n" in weir("checkpoint", JOB)[1]
    assert weir("checkpoint", JOB, "--doctor") == (0, "", "No findings: the checkpoint of error_counts is in order.\n")


def test_the_doctor(weir: Weir, bench: Bench) -> None:
    files = bench.checkpoints.files[JOB, 1, 1]
    files["offsets/.7.tmp"] = b""
    code, out, _ = weir("checkpoint", JOB, "--doctor", "--format", "json")
    assert code == 0 and [(f["path"], f["harmless"]) for f in json.loads(out)] == [("offsets/.7.tmp", True)]
    files["offsets/2"] = b"v1"
    code, out, _ = weir("checkpoint", JOB, "--doctor", "--format", "json")
    assert code == 1
    assert json.loads(out)[0] == {
        "path": "offsets/2",
        "finding": "truncated",
        "action": "weir restart error_counts: whole files are copied, and missing batches are done again",
        "harmless": False,
    }
    code, out, _ = weir("checkpoint", JOB)
    assert code == 1 and "1 finding: weir checkpoint error_counts --doctor" in out
    files.clear()
    code, out, _ = weir("checkpoint", JOB, "--format", "json")
    assert code == 1 and json.loads(out), "a checkpoint that is gone can be shown, too"
    code, out, _ = weir("checkpoint", JOB, "--doctor")
    assert code == 1 and "weir checkpoint error_counts --rebuild" in out


def test_a_rebuild_says_where_it_begins_and_asks(weir: Weir, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda *args, **more: False)
    code, _, err = weir("checkpoint", JOB, "--rebuild")
    assert code == 1 and bench.head().epoch == 1
    assert err.startswith("A new epoch of error_counts would begin with partition 0 at 20, partition 1 at 0.\nNothing is left out")
    code, _, err = weir("checkpoint", JOB, "--rebuild", "--yes", "--reason", "a disk was lost")
    assert code == 0 and "attempt 2 was submitted" in err and bench.head().epoch == 2
    assert (row := bench.store.attempts(JOB)[0]).reason == "a disk was lost" and row.who == who()


def test_a_restart_that_is_waited_for_ends_with_what_became_of_it(weir: Weir, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    within, answers = [], iter([Readiness(True, "error_counts is ready with attempt 2."), Readiness()])
    monkeypatch.setattr(bench.manager, "wait_ready", lambda job, attempt, seconds: within.append((attempt, seconds)) or next(answers))
    code, out, err = weir("restart", JOB, "--wait")
    assert (code, out) == (0, "error_counts is ready with attempt 2.\n") and "attempt 2 was submitted" in err
    code, out, err = weir("restart", JOB, "--wait")
    assert (code, out) == (1, "") and "Attempt 3 of error_counts was not ready in 120 s. error_counts: attempt 3" in err
    assert within == [(2, 120.0), (3, 120.0)]


def test_a_loss_is_told_before_it_is_accepted(weir: Weir, bench: Bench) -> None:
    assert weir("restart", JOB, "--accept-loss", "--yes", "--reason", "x")[0] == 1
    bench.fill(0, 100)
    bench.broker.forget("logs", 0, 40)
    code, _, err = weir("restart", JOB)
    assert code == 1 and "WEIR-303" in err and "partition 0 offsets 20 to 39" in err
    code, _, err = weir("restart", JOB, "--accept-loss", "--yes")
    assert code == 2 and "reason" in err
    code, _, err = weir("restart", JOB, "--accept-loss", "--yes", "--reason", "the disk was small")
    assert code == 0 and "Left out for good: partition 0, offsets 20 to 39: 20 lines.\nThat is 20 lines" in err
    assert bench.head().gap is not None and bench.head().gap.who == who()


def test_a_quarantine_is_told_before_it_is_done(weir: Weir, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weir("quarantine", JOB)[0] == 2
    code, _, err = weir("quarantine", JOB, "--reason", "x")
    assert code == 1 and "is not poisoned" in err
    bench.fill(0, 30)
    bench.store.put_exit(JOB, 1, "i1", "failed", "ValueError: a bad line", 2)
    code, _, err = weir("quarantine", JOB, "--reason", "a bad line", "--batch", "2", "--yes")
    assert code == 0 and "Left out for good: partition 0, offsets 20 to 24: 5 lines." in err
    assert dict(bench.head().frontier) == at({0: 25, 1: 0})


def test_a_hold_is_said_by_jobs_and_health_and_kept_in_the_timeline(weir: Weir, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    code, _, err = weir("hold", JOB)
    assert code == 2 and "WEIR-101: reason: " in err and "Give --reason." in err
    assert weir("hold", JOB, "--reason", "looking")[0] == 0
    assert "; held by ana since 2027-01-15T08:00:00Z: looking\n" in weir("health", JOB)[1]
    (row,) = json.loads(weir("jobs", "--format", "json")[1])
    assert row["paused"] == "held by ana since 2027-01-15T08:00:00Z: looking"
    assert bench.store.report(JOB) is None, "who only looks keeps no report that the watch would go on from"
    bench.clock.sleep(1)
    code, _, err = weir("hold", JOB, "--release", "--reason", "found it")
    assert (code, err) == (0, f"{JOB} is no longer held.\n")
    assert weir("hold", JOB, "--release") == (0, "", f"Nothing to do: {JOB} is not held.\n")
    rows = json.loads(weir("timeline", JOB, "--format", "json", "--last", "100")[1])
    words = [(r["at"], r["kind"], r["attempt"], r["who"], r["reason"]) for r in rows if r["kind"] in ("hold", "release")]
    assert words == [
        ("2027-01-15T08:00:01Z", "release", 1, "ana", "found it"),
        ("2027-01-15T08:00:00Z", "hold", 1, "ana", "looking"),
    ]
    assert len(json.loads(weir("timeline", JOB, "--format", "json", "--last", "2")[1])) == 2
    assert weir("timeline", JOB, "--format", "csv")[1].splitlines()[0] == "at,kind,attempt,who,text,reason"
    code, _, err = weir("timeline", "nothing")
    assert code == 2 and "WEIR-103" in err


def test_a_maintenance_window(weir: Weir, bench: Bench) -> None:
    assert [weir("maintenance", JOB, "--comment", "x")[0], weir("maintenance", JOB, "--for", "2h")[0]] == [2, 2]
    assert weir("maintenance", JOB, "--for", "two hours", "--comment", "x")[0] == 2
    code, _, err = weir("maintenance", JOB, "--for", "2h", "--comment", "new disks")
    assert code == 0 and "until 2027-01-15T10:00:00Z" in err
    report = json.loads(weir("health", JOB, "--format", "json")[1])
    assert report["verdict"] == "maintenance" and "until 2027-01-15T10:00:00Z: new disks" in report["sentence"]
    assert weir("maintenance", JOB, "--end") == (0, "", f"{JOB} is no longer in maintenance.\n")
    assert json.loads(weir("health", JOB, "--format", "json")[1])["verdict"] != "maintenance"


def test_clients_stay_quiet_when_airflow_is_imported(tmp_path: Path) -> None:
    """Without a stack the command line asks Airflow's connection, whose import sets the level of the root: an outage was a traceback."""
    script = (
        "import logging, sys; from weir.cli.app import _quiet; _quiet(); import airflow.settings; "
        "airflow.settings.configure_vars(); logging.getLogger().setLevel(0); "
        "[logging.getLogger(n).error('x') for n in ('cassandra.cluster', 'spark_jobs.runtime.session', 'weir.factory')]"
    )
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
    assert done.stderr == ""
