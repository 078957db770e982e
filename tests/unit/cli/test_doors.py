"""One door: commands count by the spec in force, a bad job.yaml stops no other job, and work by hand is in the timeline."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.counts.cells import HOUR_MS
from tests.unit.cli.conftest import Weir
from tests.unit.counts.job import JOB, START, TOPIC, Job
from weir.cli.common import who
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.jobs.spec import parse
from weir.jobs.specs import with_deployed
from weir.ports.jobs import JobRow
from weir.settings import PROJECT, Settings
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.testing import MemoryCheckpoints, MemoryCluster

GOOD = (PROJECT / "spark_jobs/error_counts/job.yaml").read_text()
SOON = START / 1000 + 3600
BROKEN = "WEIR-102: broken/job.yaml is not valid: trigger"
READS = [
    ("counts", "--all", "--job", "{job}"),
    ("wait", "{job}", "--timeout", "0s"),
    ("rejected", "{job}"),
    ("ledger", "{job}"),
    ("recount", "{job}"),
    ("fold", "{job}"),
    ("validate", "{job}"),
    ("rules", "--job", "{job}"),
    ("rules", "test", "many", "--job", "{job}"),
    ("alerts", "--job", "{job}"),
    ("alerts", "inbox", "--job", "{job}"),
]
MANAGED = [
    ("health", "{job}"),
    ("deploy", "{job}", "--plan"),
    ("versions", "{job}"),
    ("stop", "{job}"),
    ("checkpoint", "{job}"),
    ("timeline", "{job}"),
    ("hold", "{job}", "--reason", "x"),
]


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a sound job and one whose file does not fit, and a rule for each."""
    write(tmp_path / "jobs", JOB, GOOD)
    write(tmp_path / "jobs", "broken", GOOD.replace("name: error_counts", "name: broken").replace("trigger: 1s", "trigger: soon"))
    (tmp_path / "rules").mkdir()
    for name in (JOB, "broken"):
        rule = "{name: many, kind: threshold, above: 10, window: 30s}"
        (tmp_path / "rules" / f"{name}.yaml").write_text(f"job: {name}\nrules: [{rule}]")
    monkeypatch.setenv("WEIR_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("WEIR_RULES", str(tmp_path / "rules"))
    monkeypatch.setenv("WEIR_DATA_DOCS", str(tmp_path / "docs"))
    return tmp_path / "jobs"


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "job.yaml").write_text(text)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, jobs: Path) -> Job:
    """Three errors and a notice that landed, all of it closed; behind the commands in place of the real parts."""
    job = Job()
    for at, level in ((0, "error"), (1, "error"), (12, "error"), (13, "notice")):
        job.send(START + at * 1000, level=level)
    job.land()
    for module in ("alerts", "common", "counts", "query", "proof"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_store", lambda _: nullcontext(job.store))
    monkeypatch.setattr("weir.factory.source_of", lambda _: job.broker)
    monkeypatch.setattr(time, "time", lambda: SOON)
    return job


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, job: Job, tmp_path: Path) -> Manager:
    """The product's own, by the files as they are now."""
    settings = Settings(home=str(tmp_path), bundles=str(tmp_path / "bundles"), jobs=str(tmp_path / "jobs"), checkpoints="memory")
    specs = with_deployed(sound(Path(settings.jobs)), job.store.jobs())
    parts = Parts(
        job.store, {"standalone": MemoryCluster()}, job.broker, MemoryCheckpoints(), BundleFolder(settings.bundles), settings, time.time
    )
    made = assemble(specs, parts)
    for module in ("jobs", "checkpoint", "pauses"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_manager", lambda: nullcontext(made))
    return made


def deployed(job: Job, name: str, text: str) -> None:
    """The store has it that this job.yaml was deployed, and runs."""
    spec = parse(text, name).model_dump_json()
    job.store.set_job(None, JobRow(name, 1, "running", "v1", spec, "ana", "first", START))


def asked(args: tuple[str, ...], job: str) -> list[str]:
    return [arg.format(job=job) for arg in args]


@pytest.mark.parametrize("args", READS, ids=" ".join)
def test_a_bad_file_stops_no_command_about_another_job_and_its_own_says_why(weir: Weir, job: Job, args: tuple[str, ...]) -> None:
    code, _, err = weir(*asked(args, JOB))
    assert code == 0 and "WEIR-1" not in err
    code, out, err = weir(*asked(args, "broken"))
    assert (code, out) == (2, "") and err.startswith(BROKEN)


@pytest.mark.parametrize("args", MANAGED, ids=" ".join)
def test_nor_one_that_enters_at_the_manager(weir: Weir, manager: Manager, args: tuple[str, ...]) -> None:
    _, _, err = weir(*asked(args, JOB))
    assert "WEIR-1" not in err
    code, out, err = weir(*asked(args, "broken"))
    assert (code, out) == (2, "") and err.startswith(BROKEN)


def test_the_list_of_jobs_says_which_file_does_not_fit(weir: Weir, manager: Manager) -> None:
    code, out, err = weir("jobs", "--format", "json")
    assert code == 0 and [row["job"] for row in json.loads(out)] == [JOB] and err.startswith(BROKEN)


@pytest.mark.parametrize("file", ["bad", "gone"])
@pytest.mark.parametrize("args", READS, ids=" ".join)
def test_a_deployed_job_whose_file_is_bad_or_gone_is_read_by_its_deployed_spec(
    weir: Weir, job: Job, jobs: Path, args: tuple[str, ...], file: str
) -> None:
    deployed(job, JOB, GOOD)
    write(jobs, JOB, "name: error_counts\nsource: {}")
    if file == "gone":
        (jobs / JOB / "job.yaml").unlink()
    code, _, err = weir(*asked(args, JOB))
    assert code == 0 and "WEIR-1" not in err


def test_counts_and_rules_are_by_the_deployed_spec_not_by_an_edit_that_waits(weir: Weir, job: Job, jobs: Path) -> None:
    deployed(job, JOB, GOOD)
    write(jobs, JOB, GOOD.replace("pane: 10s", "pane: 60s").replace(f"topic: {TOPIC}", "topic: other"))
    _, out, _ = weir("counts", "--all", "--by", "none", "--format", "json")  # panes of 10 s
    assert [row["n"] for row in json.loads(out)] == [2, 1]
    assert weir("counts", "--window", "10s", "--closed")[0] == 0 and weir("rules")[0] == 0
    assert weir("wait", JOB, "--timeout", "0s")[0] == 0, "of the topic that the driver reads"
    assert weir("recount", JOB)[0] == 0


# what is done by hand


def lines(job: Job) -> list[Any]:
    return [(e.kind, e.who, e.reason) for e in job.store.events(JOB)]


BY_HAND = (who(), "asked for on the command line")


def spoil(job: Job) -> None:
    """Take away what was counted: the ledger still has it."""
    for rows in job.store._deltas.values():
        rows.clear()


@pytest.mark.parametrize("command", ["recount", "validate", "fold"])
def test_a_failure_by_hand_is_in_the_timeline_with_who_and_by_which_door_and_once_an_hour(
    weir: Weir, job: Job, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    job.send(START + 2 * HOUR_MS, append=START + 2 * HOUR_MS)  # closes the first hour
    job.land()
    spoil(job)
    monkeypatch.setattr(time, "time", lambda: SOON + 3 * 3600)
    for later in (0, 60, 3700):
        monkeypatch.setattr(time, "time", lambda: SOON + 3 * 3600 + later)  # noqa: B023
        code, _, err = weir(command, JOB)
        assert code == 1 and "WEIR-401" in err
    assert lines(job) == [(command, *BY_HAND)] * 2
    assert JOB in job.store.events(JOB)[0].text


def test_a_recount_by_hand_of_lines_that_the_broker_lost_fails_once_and_goes_on_behind_them(weir: Weir, job: Job) -> None:
    for partition, end in job.broker.end_offsets(TOPIC).items():
        job.broker.forget(TOPIC, partition, end)
    code, _, err = weir("recount", JOB)
    assert code == 1 and "4 lines landed that the broker no longer has" in err
    assert lines(job) == [("recount", *BY_HAND)]
    assert json.loads(job.store.proven(JOB) or "")["checked"] == 0


def test_what_goes_well_by_hand_leaves_no_line(weir: Weir, job: Job) -> None:
    assert [weir(command, JOB)[0] for command in ("recount", "fold", "validate")] == [0, 0, 0]
    assert lines(job) == []
