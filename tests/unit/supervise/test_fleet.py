"""A pass over many jobs: what one of them has wrong is its own, and what one process has seen the next one knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.protocol.gap import Hole
from spark_jobs.protocol.partition import Partition
from weir import factory
from weir.counts.kind import CountsKind
from weir.errors import NotRunning
from weir.ports.cluster import DriverState
from weir.ports.reports import JobSnapshot
from weir.ports.source import TopicSnapshot
from weir.supervise.judge.pace import UNSEEN_MS
from weir.supervise.judge.report import FRESH_MS, Verdict
from weir.supervise.manager import Manager
from weir.supervise.observe.fleet import Fleet
from weir.supervise.time_budget import TimeBudget

from .bench import JOB, Bench

OTHER = "other_counts"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Attempt 1 has landed batch 0, ten lines of partition 0; another job is deployed beside it."""
    bench = Bench(tmp_path)
    bench.manager.specs[OTHER] = bench.manager.specs[JOB].model_copy(update={"name": OTHER})
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    bench.manager.deploy(OTHER)
    return bench


def kept(bench: Bench) -> str | None:
    return bench.store.report(JOB)


def by_job(manager: Manager) -> dict[str, Any]:
    return {report.job: report for report in manager.tick()}


# what is kept for others


def test_the_loss_is_exact_when_health_was_asked_right_before_the_topic_was_deleted(bench: Bench) -> None:
    bench.fill(0, 25)
    bench.manager.health(JOB)
    bench.clock.sleep(2)
    bench.fill(0, 31)
    bench.fill(1, 4)
    bench.manager.health(JOB)  # of the same verdict, and the kept report is fresh
    bench.broker.create("logs", partitions=2)
    other = bench.another()
    assert other.health(JOB).verdict is Verdict.DATA_LOSS  # first seen by one that remembers nothing
    bench.manager.health(JOB)
    bench.another().accept_loss(JOB, None, "ana", "somebody deleted it")
    gap = bench.head().gap
    assert gap is not None and gap.holes == (Hole(Partition("topic-1", 0), 10, 31), Hole(Partition("topic-1", 1), 0, 4))


def test_a_stream_that_keeps_up_is_not_written_at_every_look(bench: Bench) -> None:
    bench.manager.health(JOB)
    before, writer = kept(bench), bench.writer("driver-1")
    for batch in range(1, 14):
        bench.clock.sleep(1)
        bench.land(writer, batch, 10 * batch, 10 * batch + 10)
        bench.manager.health(JOB)
        assert kept(bench) == before
    bench.clock.sleep(FRESH_MS / 1000)
    bench.manager.health(JOB)
    assert kept(bench) != before


def test_a_process_that_remembers_nothing_finds_the_same_stall(bench: Bench) -> None:
    """The kept report is up to FRESH_MS old: that is no outage, after which the waiting would begin anew."""
    bench.cluster.states["driver-1"] = DriverState.RUNNING
    bench.fill(0, 25)
    stalled_s = bench.manager.specs[JOB].health.stalled_after
    for _ in range(int(stalled_s) + 2):
        reports = bench.another().health(JOB), bench.manager.health(JOB)
        assert reports[0].lag_since == reports[1].lag_since
        bench.clock.sleep(1)
    assert [report.verdict for report in reports] == [Verdict.STALLED, Verdict.STALLED]


@pytest.mark.parametrize(("away_s", "verdict"), [(10, Verdict.STALLED), (UNSEEN_MS // 1000 + 1, Verdict.OK)])
def test_how_long_the_broker_was_away_is_known_to_a_process_that_remembers_nothing(bench: Bench, away_s: int, verdict: Verdict) -> None:
    bench.fill(0, 25)
    waits_s = int(bench.manager.specs[JOB].health.stalled_after) - 5
    for _ in range(waits_s):
        bench.manager.health(JOB)
        bench.clock.sleep(1)
    bench.broker.answers = False
    assert bench.manager.health(JOB).verdict is Verdict.UNKNOWN
    bench.clock.sleep(away_s)
    bench.broker.answers = True
    assert bench.another().health(JOB).verdict is verdict


# each by itself


def test_what_a_job_has_wrong_is_its_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = bench.store.snapshots

    def torn(jobs: Any, history: int = 50) -> Mapping[str, JobSnapshot]:
        return (
            {**snapshot(jobs, history), OTHER: JobSnapshot(trouble="its rows cannot be read")} if OTHER in jobs else snapshot(jobs, history)
        )

    monkeypatch.setattr(bench.store, "snapshots", torn)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    reports = by_job(bench.manager)
    assert (reports[OTHER].verdict, reports[JOB].verdict, reports[JOB].act) == (Verdict.UNKNOWN, Verdict.DOWN, "restart")
    with pytest.raises(NotRunning, match=OTHER):
        bench.manager.drivers()


@pytest.mark.parametrize("torn", [False, True])
def test_whoever_asks_for_the_drivers_keeps_no_session(bench: Bench, monkeypatch: pytest.MonkeyPatch, torn: bool) -> None:
    """Seen: a drill that had asked hundreds of times held 700 sessions, and all of them came back at once when Cassandra did."""

    def close() -> None:
        nonlocal closed
        closed += 1

    def no_drivers() -> Any:
        raise NotRunning("The store does not answer.", "See: weir status")

    closed = 0
    monkeypatch.setattr(factory, "manager", lambda settings: bench.manager)
    monkeypatch.setattr(bench.manager, "close", close)
    if torn:
        monkeypatch.setattr(bench.manager, "drivers", no_drivers)
    parts = [part["part"] for part in factory.drivers(bench.parts.settings)]
    assert parts == ([] if torn else [f"driver:{JOB}", f"driver:{OTHER}"])
    assert closed == 1


def test_folds_that_cannot_be_looked_up_change_no_verdict(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(job: str) -> Any:
        raise NotRunning("The store does not answer.", "See: weir status")

    monkeypatch.setattr(bench.store, "folds", failing)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    report = by_job(bench.manager)[JOB]
    assert (report.verdict, report.act) == (Verdict.DOWN, "restart") and "fold_backlog" not in report.evidence


def test_what_another_version_wrote_of_proofs_and_reports_keeps_nobody_from_being_helped(bench: Bench) -> None:
    bench.store.put_proven(JOB, '{"shape": "new"}', 1)
    bench.store._reports[JOB] = '{"shape": "new"}'
    bench.cluster.states["driver-1"] = DriverState.FAILED
    report = by_job(bench.manager)[JOB]
    assert (report.verdict, report.act, report.evidence["proven"]) == (Verdict.DOWN, "restart", {"up_to": None})


def test_what_lands_while_the_broker_is_asked_is_no_cut_log(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where a job is looked at a second time, with its history."""
    topics, writer, batches = bench.broker.topics, bench.writer("driver-1"), iter(range(1, 9))

    def meanwhile(names: Any) -> Mapping[str, TopicSnapshot]:
        told = topics(names)
        batch = next(batches)
        bench.land(writer, batch, 10 * batch, 10 * batch + 10)
        return told

    monkeypatch.setattr(bench.broker, "topics", meanwhile)
    bench.cluster.states["driver-1"] = DriverState.FAILED
    assert bench.manager.health(JOB).verdict is Verdict.DOWN


def test_looks_that_may_wait_take_turns(bench: Bench) -> None:
    """With time for one look in each pass: one job's retention, which has unread lines, and what probes read of both."""
    fleet = Fleet(bench.parts, {"counts": CountsKind(bench.store, bench.broker, bench.parts.settings)}, budget=TimeBudget(0.0))
    looked: list[set[str]] = []
    for _ in range(9):
        looked.append({report.job for report in fleet.reports(bench.manager.specs) if "fold_backlog" in report.evidence})
        bench.clock.sleep(1)
    assert looked == sorted(looked, key=len) and len(looked[0]) <= 1 and len(looked[-1]) == 2


def test_a_pass_has_time_for_one_look_at_least() -> None:
    none = TimeBudget(0.0)
    assert (none.left(), none.left()) == (True, False)
    none.begin()
    assert none.left()
    assert all(TimeBudget(60.0).left() for _ in range(3))
