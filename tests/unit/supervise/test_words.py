"""A person's word and the timeline: a hold and a maintenance window go before all that Weir does by itself, and each act is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.supervise.bench import JOB, Bench
from tests.unit.supervise.test_verdict import HEALTH, NOW, POLICY, ROW, WANTED, WELL, restarts
from weir.errors import BadInput, NotRunning, UnknownJob
from weir.ports.cluster import DriverState
from weir.ports.timeline import Event, Pause
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.report import TROUBLE, Report, Verdict, is_news
from weir.supervise.judge.restart import Action, decide, with_decision
from weir.supervise.judge.verdict import judge

HELD = Pause("hold", "ana", "looking", NOW - 60_000)
WINDOW = Pause("maintenance", "ben", "new disks", NOW - 60_000, NOW + 1)
DEAD = replace(WELL, driver=DriverState.FAILED)
DIVERGED = replace(WELL, attempts=(replace(ROW, exit_reason="diverged"),))
STOPPED = replace(WELL, wanted=replace(WANTED, desired="stopped"))

CASES: dict[str, tuple[Observation, Sequence[Pause], Verdict, Action]] = {
    "dead, and nobody said anything": (DEAD, [], Verdict.DOWN, Action.RESTART),
    "dead and held": (DEAD, [HELD], Verdict.DOWN, Action.NONE),
    "well and held": (WELL, [HELD], Verdict.OK, Action.NONE),
    "diverged and held": (DIVERGED, [HELD], Verdict.DIVERGED, Action.NONE),
    "stopped and held": (STOPPED, [HELD], Verdict.STOPPED, Action.NONE),
    "dead, and the hold was released": (DEAD, [replace(HELD, until=NOW)], Verdict.DOWN, Action.RESTART),
    "dead, held by a clock that is ahead": (DEAD, [replace(HELD, since=NOW + 5_000)], Verdict.DOWN, Action.NONE),
    "dead in maintenance": (DEAD, [WINDOW], Verdict.MAINTENANCE, Action.NONE),
    "well in maintenance": (WELL, [WINDOW], Verdict.MAINTENANCE, Action.NONE),
    "diverged in maintenance": (DIVERGED, [WINDOW], Verdict.MAINTENANCE, Action.NONE),
    "stopped in maintenance": (STOPPED, [WINDOW], Verdict.STOPPED, Action.NONE),
    "the broker is away in maintenance": (replace(WELL, end_offsets=None), [WINDOW], Verdict.MAINTENANCE, Action.NONE),
    "dead, and the window has just ended": (DEAD, [replace(WINDOW, until=NOW)], Verdict.DOWN, Action.RESTART),
    "dead, held, and the window has ended": (DEAD, [HELD, replace(WINDOW, until=NOW)], Verdict.DOWN, Action.NONE),
    "dead, released, and in maintenance": (DEAD, [replace(HELD, until=NOW), WINDOW], Verdict.MAINTENANCE, Action.NONE),
}


@pytest.mark.parametrize("name", CASES)
def test_a_word_goes_before_what_would_be_done(name: str) -> None:
    found, pauses, verdict, act = CASES[name]
    seen = replace(found, pauses=pauses)
    report = judge("counts", seen, HEALTH, None)
    report = with_decision(report, decide(report, POLICY, seen.attempts, seen.landed_attempt, seen.paused))
    assert (report.verdict, report.act) == (verdict, act), report.sentence
    for pause in pauses:
        in_force = pause in seen.paused
        assert (f"by {pause.who} " in report.sentence, pause.reason in str(report.evidence.get("paused"))) == (in_force, in_force)


def test_a_word_reads_as_one() -> None:
    report = judge("counts", replace(DEAD, pauses=[HELD, WINDOW]), HEALTH, None)
    held, window = "held by ana since 2027-01-15T07:59:00Z: looking", "in maintenance by ben until 2027-01-15T08:00:00.001Z: new disks"
    assert report.sentence.endswith(f"it was killed or lost (the cluster says failed); {held}; {window}")
    assert report.evidence["paused"] == f"{held}; {window}"
    assert report.next_step == "weir restart counts; or weir maintenance counts --end, or wait for its end"


@pytest.mark.parametrize("name", [name for name, (_, _, verdict, _) in CASES.items() if verdict is Verdict.MAINTENANCE])
def test_a_window_covers_a_verdict_and_keeps_it(name: str) -> None:
    found, pauses, _, _ = CASES[name]
    bare, covered = (judge("counts", replace(found, pauses=said), HEALTH, None) for said in ((), pauses))
    assert (bare.covers, bare.found, covered.covers, covered.found) == ("", bare.verdict, bare.verdict, bare.verdict)
    assert Report.from_json(covered.to_json()) == covered
    assert covered.next_step.startswith(bare.next_step) == (bare.verdict in TROUBLE or not bare.next_step)
    assert is_news(covered, replace(covered, covers="idle")), "what it covers has changed"


def test_a_hold_does_not_hide_that_the_budget_is_used_up() -> None:
    report = judge("counts", replace(DEAD, pauses=[HELD]), HEALTH, None)
    decision = decide(report, POLICY, restarts(3), 1, [HELD])
    assert with_decision(report, decision).verdict is Verdict.CRASH_LOOPING


# by the manager


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Attempt 1 runs."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB, "ana", "first")
    bench.writer("driver-1")
    return bench


def kinds(bench: Bench) -> list[tuple[str, str, str]]:
    """Oldest first, without verdicts."""
    return [(e.kind, e.who, e.reason) for e in reversed(bench.store.events(JOB)) if e.kind != "verdict"]


def test_a_held_job_is_left_alone_until_it_is_released_and_then_goes_on(bench: Bench) -> None:
    assert bench.manager.hold(JOB, "ben", "looking").changed
    again = bench.manager.hold(JOB, "eva", "looking, too")
    assert not again.changed and "held by ben since 2027-01-15T08:00:00Z: looking already" in again.sentence
    bench.cluster.states["driver-1"] = DriverState.FAILED
    report = bench.manager.health(JOB)
    assert (report.verdict, report.act) == (Verdict.DOWN, "none") and "held by ben" in report.plan
    bench.clock.sleep(1)
    assert bench.manager.release(JOB, "eva", "found it").changed
    assert not bench.manager.release(JOB, "eva").changed
    action = bench.manager.act(bench.manager.health(JOB))
    assert action and bench.cluster.alive == ["driver-2"]
    assert [k for k in kinds(bench) if k[0] in ("hold", "release")] == [("hold", "ben", "looking"), ("release", "eva", "found it")]


def test_a_hold_that_is_younger_than_the_report_counts(bench: Bench) -> None:
    bench.cluster.states["driver-1"] = DriverState.FAILED
    report = bench.manager.health(JOB)
    assert report.act == "restart"
    bench.manager.hold(JOB, "ben", "wait")
    assert bench.manager.act(report) is None and bench.cluster.alive == []


def test_what_a_person_asks_for_still_happens(bench: Bench) -> None:
    bench.manager.hold(JOB, "ben", "looking")
    bench.manager.maintenance(JOB, 3_600_000, "ben", "new disks")
    assert bench.manager.restart(JOB, None, "ben", "by hand").attempt == 2
    assert bench.manager.stop(JOB, "ben", "by hand").changed
    assert bench.manager.deploy(JOB, "ben", "by hand").changed
    assert "held by ben" in bench.manager.health(JOB).sentence, "a deploy releases nothing"


def test_a_maintenance_window_ends_by_itself(bench: Bench) -> None:
    assert "until 2027-01-15T10:00:00Z" in bench.manager.maintenance(JOB, 7_200_000, "ben", "new disks").sentence
    bench.cluster.states["driver-1"] = DriverState.KILLED
    for _ in range(2):
        report = bench.manager.health(JOB)
        assert (report.verdict, report.act, bench.manager.act(report)) == (Verdict.MAINTENANCE, "none", None)
        bench.clock.sleep(3_599)
    bench.clock.sleep(2)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.DOWN and bench.manager.act(report) and bench.cluster.alive == ["driver-2"]


def test_a_maintenance_window_can_be_made_longer_and_be_ended(bench: Bench) -> None:
    bench.manager.maintenance(JOB, 1_000, "ben", "new disks")
    bench.manager.maintenance(JOB, 60_000, "eva", "more disks")
    bench.clock.sleep(2)
    assert bench.manager.health(JOB).verdict is Verdict.MAINTENANCE
    assert bench.manager.end_maintenance(JOB, "eva", "done").changed
    assert not bench.manager.end_maintenance(JOB, "eva").changed
    assert bench.manager.health(JOB).verdict is not Verdict.MAINTENANCE
    assert kinds(bench)[-1] == ("maintenance_end", "eva", "done")


def test_a_word_needs_a_job_and_a_reason(bench: Bench) -> None:
    for refused in (lambda: bench.manager.hold(JOB, "ana", " "), lambda: bench.manager.maintenance(JOB, 1, "ana", "")):
        with pytest.raises(BadInput, match=r"reason|comment"):
            refused()
    with pytest.raises(BadInput, match="--for"):
        bench.manager.maintenance(JOB, 0, "ana", "why")
    for unknown in (lambda: bench.manager.hold("x", "ana", "why"), lambda: bench.manager.end_maintenance("x", "ana")):
        with pytest.raises(UnknownJob):
            unknown()
    assert bench.store.pauses(JOB) == []


# the timeline


def test_a_restart_tells_how_what_it_replaces_has_ended(bench: Bench) -> None:
    bench.store.put_exit(JOB, 1, "i1", "lost", "ConnectionRefusedError", 7)
    exited_at = bench.store.attempts(JOB)[0].exited_at
    bench.manager.act(bench.manager.health(JOB))
    line = next(e for e in bench.store.events(JOB) if e.kind == "restart")
    facts = {name: line.detail[name] for name in ("replaces", "exit", "error", "batch", "down_ms", "epoch")}
    down_ms = line.at - exited_at
    assert f"It was down for {down_ms / 1000:.0f} s, and continues with batch 7" in line.text
    assert facts == {"replaces": 1, "exit": "lost", "error": "ConnectionRefusedError", "batch": 7, "down_ms": down_ms, "epoch": 1}
    assert (line.attempt, line.who) == (2, "weir") and "has ended: ConnectionRefusedError" in line.reason


def test_a_restart_of_a_driver_that_was_killed_tells_since_when_nothing_had_landed_and_where_it_goes_on(bench: Bench) -> None:
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.clock.sleep(41)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.manager.act(bench.manager.health(JOB))
    line = next(e for e in bench.store.events(JOB) if e.kind == "restart")
    assert "down_ms" not in line.detail, "a stream without input is quiet, too"
    assert line.text.endswith("Nothing had landed for 41 s, and it continues with batch 1.")
    assert (line.detail["unlanded_ms"], line.detail["batch"], line.detail["offsets"]) == (41_000, 1, {"0": 10, "1": 0})


def test_a_deploy_tells_what_it_changed(bench: Bench) -> None:
    bench.manager.specs[JOB] = bench.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    bench.manager.deploy(JOB, "ana")
    line = next(e for e in bench.store.events(JOB) if e.kind == "deploy" and e.attempt == 2)
    assert line.detail["changes"] and "Changed: trigger" in line.text


def test_a_changed_verdict_is_told_once_whoever_sees_it(bench: Bench) -> None:
    bench.manager.health(JOB)
    bench.clock.sleep(31)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    for _ in range(3):
        bench.manager.health(JOB)
    told = [(e.detail["before"], e.detail["verdict"]) for e in bench.store.events(JOB) if e.kind == "verdict"]
    assert told[0] == ("starting", "down") and len(told) == 2


def test_what_is_left_out_is_told(bench: Bench) -> None:
    bench.fill(0, 100)
    bench.broker.forget("logs", 0, 40)
    bench.manager.accept_loss(JOB, None, "ana", "the disk was small")
    line = next(e for e in bench.store.events(JOB) if e.kind == "accept_loss")
    assert (line.who, line.reason, line.detail["epoch"], line.detail["lines_left_out"]) == ("ana", "the disk was small", 2, 40)


@pytest.mark.parametrize("error", [NotRunning("The store does not answer."), ValueError("anything")])
def test_a_line_that_cannot_be_written_stops_nothing(bench: Bench, error: Exception, caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(job: str, event: Event) -> None:
        raise error

    monkeypatch.setattr(bench.store, "add_event", refuses)
    assert bench.manager.restart(JOB, None, "ana", "why").attempt == 2
    assert bench.manager.hold(JOB, "ana", "why").changed
    assert bench.manager.stop(JOB, "ana", "why").changed
    assert [r.getMessage() for r in caplog.records if "lacks a line: restart by ana" in r.getMessage()] != []
