"""Each next step that a verdict prints: its commands are commands, its pages exist, and on a job in trouble following it helps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from spark_jobs.runtime.contract import TRYING
from tests.unit.cli.conftest import Weir
from tests.unit.supervise.bench import JOB, Bench
from tests.unit.supervise.plain_bench import TRACEBACK, PlainBench
from tests.unit.supervise.test_verdict import CASES, HEALTH
from weir.cli.app import app
from weir.ports.cluster import DriverState
from weir.ports.timeline import Pause
from weir.settings import PROJECT
from weir.supervise.judge.report import TROUBLE, Report, Verdict
from weir.supervise.judge.verdict import judge

COMMAND = re.compile(r"\bweir [a-z][^;,:]*(?:driver:\w+)?[^;,:]*")
PAGE = re.compile(r"docs/[\w-]+\.md(?:#[\w-]+)?")


def commands(step: str) -> Iterator[list[str]]:
    """The commands in a next step, as arguments."""
    for found in COMMAND.findall(step.replace(" for a job that can wait", "")):
        text = re.split(r" for | then | in ", found)[0].strip().rstrip(".")
        yield [part.strip('"') for part in re.findall(r'"[^"]*"|\S+', text)][1:]


def parses(arguments: list[str]) -> None:
    """Raises a usage error unless the command line takes it."""
    group: Any = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), arguments[0])
    assert command is not None, f"weir {arguments[0]} is no command"
    command.make_context(arguments[0], arguments[1:])


def check(step: str) -> None:
    for arguments in commands(step):
        parses(arguments)
    for page in PAGE.findall(step):
        file, _, anchor = page.partition("#")
        headings = [
            line.lstrip("# ").lower().replace(" ", "-") for line in (PROJECT / file).read_text().splitlines() if line.startswith("#")
        ]
        assert not anchor or anchor in headings, f"{page} is not there"


@pytest.mark.parametrize("name", CASES)
def test_what_a_verdict_advises_can_be_typed(name: str) -> None:
    seen, before, _ = CASES[name]
    report = judge("counts", seen, HEALTH, before)
    assert report.next_step or report.verdict not in TROUBLE
    check(report.next_step)
    windowed = replace(seen, pauses=(Pause("maintenance", "ana", "why", seen.now - 1, seen.now + 60_000),))
    check(judge("counts", windowed, HEALTH, before).next_step)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench(tmp_path)
    for module in ("jobs", "checkpoint", "pauses"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_manager", lambda: nullcontext(bench.manager))
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    return bench


def fails(bench: Bench, reason: str, batch: int = -1) -> None:
    """The current driver ends for this reason."""
    attempt = bench.head().attempt
    bench.cluster.states[f"driver-{attempt}"] = DriverState.FAILED
    bench.store.put_exit(JOB, attempt, f"i-driver-{attempt}", reason, "ValueError: no such zone", batch)


def poisoned(bench: Bench) -> None:
    bench.fill(0, 25)
    fails(bench, "failed", 1)
    bench.manager.restart(JOB)
    bench.checkpoints.plan(JOB, 1, 2, 1, {0: 25, 1: 0})
    bench.writer("driver-2")
    fails(bench, "failed", 1)


def down(bench: Bench) -> None:
    bench.cluster.states["driver-1"] = DriverState.KILLED


def starved(bench: Bench) -> None:
    fails(bench, "out_of_memory")


def looping(bench: Bench) -> None:
    for _ in range(10):
        fails(bench, "failed")
        report = bench.manager.health(JOB)
        bench.clock.sleep(max(0.0, (report.not_before - report.at) / 1000))
        bench.manager.act(report)
    fails(bench, "failed")


def diverged(bench: Bench) -> None:
    fails(bench, "diverged")


def lost(bench: Bench) -> None:
    bench.fill(0, 100)
    bench.broker.forget("logs", 0, 40)


def stopped(bench: Bench) -> None:
    bench.manager.stop(JOB)


def stalled(bench: Bench) -> None:
    bench.manager.restart(JOB)
    bench.writer("driver-2")
    bench.prove(2, TRYING)
    bench.clock.sleep(600)


TROUBLES: dict[str, tuple[Callable[[Bench], object], Verdict]] = {
    "poisoned": (poisoned, Verdict.POISONED),
    "down": (down, Verdict.DOWN),
    "out of memory": (starved, Verdict.DOWN),
    "crash looping": (looping, Verdict.CRASH_LOOPING),
    "diverged": (diverged, Verdict.DIVERGED),
    "data loss": (lost, Verdict.DATA_LOSS),
    "stopped": (stopped, Verdict.STOPPED),
}


def followed(weir: Weir, report: Report, only: str = "") -> None:
    """Run what the next step advises, as the operator would type it; `only`: the command that the operator chose."""
    for arguments in commands(report.next_step):
        if arguments[0] != "logs" and (not only or arguments[0] == only):
            confirmed = ["--yes"] if {"--accept-loss", "--rebuild"} & set(arguments) or arguments[0] == "quarantine" else []
            code, out, err = weir(*arguments, *confirmed)
            assert code == 0 or "--doctor" in arguments, out + err


@pytest.mark.parametrize("name", TROUBLES)
def test_following_the_advice_helps(weir: Weir, bench: Bench, name: str) -> None:
    make, verdict = TROUBLES[name]
    make(bench)
    report = bench.manager.health(JOB)
    assert report.verdict is verdict, report.sentence
    followed(weir, report, "deploy" if name == "poisoned" else "")
    assert bench.manager.health(JOB).verdict is Verdict.STARTING
    assert bench.cluster.states[f"driver-{len(bench.cluster.states)}"] is DriverState.RUNNING


def test_a_poisoned_job_runs_what_was_fixed_and_a_restart_would_not(weir: Weir, bench: Bench) -> None:
    """The spec was at fault. A restart runs the deployed spec again, which fails again."""
    poisoned(bench)
    spec = bench.manager.specs[JOB]
    bench.manager.specs[JOB] = spec.model_copy(update={"trigger": 7.0})
    followed(weir, bench.manager.health(JOB), "deploy")
    assert '"trigger_s":7.0' in bench.cluster.submissions["driver-3"].arguments[0]
    assert bench.manager.health(JOB).verdict is Verdict.STARTING


def test_a_poisoned_batch_can_be_left_out(weir: Weir, bench: Bench) -> None:
    poisoned(bench)
    followed(weir, bench.manager.health(JOB), "quarantine")
    assert bench.manager.health(JOB).verdict is Verdict.STARTING and bench.head().gap is not None


def test_a_plain_job_that_fails_twice_runs_what_was_fixed(weir: Weir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = PlainBench(tmp_path)
    monkeypatch.setattr("weir.cli.jobs.opened_manager", lambda: nullcontext(bench.manager))
    bench.running()
    bench.lines_arrive(1)
    for _ in range(2):
        bench.plan(1)
        bench.ends(printed=TRACEBACK)
        bench.act(60)
    report = bench.look()
    assert report.verdict is Verdict.POISONED, report.sentence
    bench.write(code="print('fixed')\n")
    bench.manager = bench.another()
    before = bench.row.version
    followed(weir, report, "deploy")
    assert bench.row.version != before and bench.look().verdict is Verdict.STARTING
