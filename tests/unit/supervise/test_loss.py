"""Data loss is a number and quarantine exact: what a person's word leaves out is a gap, and nothing else is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from spark_jobs.counts.deltas import counting_writer
from spark_jobs.protocol.gap import Gap, GapKind, Hole
from spark_jobs.protocol.head import Batch, claim
from spark_jobs.protocol.partition import Partition, of_source
from weir.counts.rules import Rules
from weir.errors import BadInput, Conflict, DataLoss
from weir.ports.cluster import DriverState
from weir.ports.source import Retention
from weir.supervise.judge.epoch_start import Word, after_loss, lost, of_topic, readable
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.restart import Action

from .bench import JOB, Bench

at = partial(of_source, "topic-1")  # offsets by partition

MINUTE = 60_000


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Attempt 1 has landed batch 0, ten lines of partition 0."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    return bench


def newest(bench: Bench) -> str:
    return bench.cluster.alive[-1]


def gap(bench: Bench) -> Gap:
    found = bench.head().gap
    assert found is not None
    return found


READABLE = {
    "all is there": (at({0: 5}), at({0: 0}), at({0: 9}), at({0: 5}), {}),
    "retention passed": (at({0: 5}), at({0: 7}), at({0: 9}), at({0: 7}), at({0: (5, 7)})),
    "retention took all": (at({0: 5}), at({0: 9}), at({0: 9}), at({0: 9}), at({0: (5, 9)})),
    "the log was cut": (at({0: 5}), at({0: 0}), at({0: 3}), at({0: 3}), at({0: (5, 3)})),
    "the log was cut to nothing": (at({0: 5}), at({0: 0}), at({0: 0}), at({0: 0}), at({0: (5, 0)})),
    "a partition was added": (at({0: 5}), at({0: 0, 1: 0}), at({0: 5, 1: 3}), at({0: 5, 1: 0}), {}),
    "a partition was added, and retention passed": (at({0: 5}), at({0: 0, 1: 2}), at({0: 5, 1: 3}), at({0: 5, 1: 2}), at({1: (0, 2)})),
}


@pytest.mark.parametrize("name", READABLE)
def test_where_reading_can_go_on(name: str) -> None:
    frontier, earliest, ends, begins, spans = READABLE[name]
    assert readable(frontier, earliest, ends) == begins
    assert lost(frontier, earliest, ends) == spans


def test_retention_that_passed_is_given_up_exactly(bench: Bench) -> None:
    bench.fill(0, 100)
    bench.broker.forget("logs", 0, 40)
    report = bench.manager.health(JOB)
    assert (report.verdict, report.act) == (Verdict.DATA_LOSS, "none") and "partition 0 offsets 10 to 39" in report.sentence
    assert "--accept-loss" in report.next_step
    bench.manager.accept_loss(JOB, report.attempt, "ana", "the disk was small")
    assert gap(bench) == Gap(GapKind.LOSS, (Hole(Partition("topic-1", 0), 10, 40),), "ana", "the disk was small", int(bench.clock() * 1000))
    assert dict(bench.arguments(newest(bench)).starting_offsets) == {0: 40, 1: 0}
    assert bench.manager.health(JOB).verdict is Verdict.STARTING
    bench.land(bench.writer(newest(bench)), 0, 40, 100)
    assert [h.gap.lines for h in bench.store.ledger(JOB) if h.gap] == [30]


def test_no_driver_is_started_over_a_loss_by_any_other_door(bench: Bench) -> None:
    bench.fill(0, 100)
    bench.broker.forget("logs", 0, 40)
    for start in (bench.manager.restart, bench.manager.deploy):
        bench.cluster.states["driver-1"] = DriverState.FAILED
        with pytest.raises(DataLoss, match=r"offsets 10 to 39.*--accept-loss"):
            start(JOB)
    assert bench.head().attempt == 1 and bench.cluster.alive == []


def test_a_loss_needs_a_reason_and_has_to_be_one(bench: Bench) -> None:
    with pytest.raises(Conflict, match=r"Nothing of error_counts is lost"):
        bench.manager.accept_loss(JOB, None, "ana", "just in case")
    bench.fill(0, 100)
    bench.broker.forget("logs", 0, 40)
    with pytest.raises(BadInput, match="reason"):
        bench.manager.accept_loss(JOB, None, "ana", " ")
    with pytest.raises(Conflict):
        bench.manager.accept_loss(JOB, 7, "ana", "of another attempt")
    assert bench.head().attempt == 1 and len(bench.store.attempts(JOB)) == 1


def test_a_topic_that_was_made_again_begins_anew_and_what_was_unread_is_told(bench: Bench) -> None:
    bench.fill(0, 25)
    bench.manager.health(JOB)  # the last that is known of the old topic
    bench.broker.create("logs", partitions=2)
    bench.fill(0, 4)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.DATA_LOSS and report.evidence["end_offsets"] == {"0": 25, "1": 0}
    assert "lost" not in report.evidence, "offsets of two topics are not compared"
    with pytest.raises(DataLoss):
        bench.manager.restart(JOB)
    bench.manager.accept_loss(JOB, None, "ana", "somebody deleted it")
    assert gap(bench).holes == (Hole(Partition("topic-1", 0), 10, 25),) and not gap(bench).exact
    assert (bench.head().topic_id, dict(bench.arguments(newest(bench)).starting_offsets)) == ("topic-2", {0: 0, 1: 0})
    bench.land(bench.writer(newest(bench)), 0, 0, 4)


def test_a_topic_that_was_made_again_and_is_not_whole_any_more(bench: Bench) -> None:
    bench.broker.create("logs", partitions=3)
    bench.fill(0, 4)
    bench.broker.forget("logs", 0, 3)
    bench.manager.accept_loss(JOB, None, "ana", "somebody deleted it")
    assert gap(bench).holes == (Hole(Partition("topic-2", 0), 0, 3),) and not gap(bench).exact
    assert dict(bench.head().frontier) == of_source("topic-2", {0: 3, 1: 0, 2: 0})


def test_a_driver_that_diverges_over_another_topic_does_not_loop(bench: Bench) -> None:
    bench.store.put_exit(JOB, 1, "i1", "diverged", "batch 1 does not follow", 1)
    bench.broker.create("logs", partitions=2)
    report = bench.manager.health(JOB)
    assert (report.verdict, report.act) == (Verdict.DATA_LOSS, "none")
    with pytest.raises(DataLoss):
        bench.manager.rebuild(JOB)


def test_an_open_claim_tells_how_far_a_deleted_topic_reached(bench: Bench) -> None:
    head = claim(bench.head(), Batch(1, at({0: 10, 1: 0}), at({0: 30, 1: 2})), bench.head().totals, bench.head().progress, "v1", 1)
    there = after_loss(head, of_topic("topic-2", {0: 0, 1: 0}, {0: 0, 1: 0}), at({0: 25}), Word("ana", "gone", 1))
    assert there.gap is not None and there.gap.holes == (Hole(Partition("topic-1", 0), 10, 30), Hole(Partition("topic-1", 1), 0, 2))


def test_a_log_that_was_cut_is_read_again_from_its_end(bench: Bench) -> None:
    bench.broker.cut("logs", 0, 6)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.DATA_LOSS and "partition 0 ends at 6, and has landed up to 10" in report.sentence
    bench.manager.accept_loss(JOB, None, "ana", "a broker was restored")
    assert gap(bench).holes == (Hole(Partition("topic-1", 0), 10, 6),) and gap(bench).lines == 0
    assert dict(bench.arguments(newest(bench)).starting_offsets) == {0: 6, 1: 0}
    bench.land(bench.writer(newest(bench)), 0, 6, 12)


def test_a_loss_in_a_partition_that_was_added(bench: Bench) -> None:
    """Spark would start it behind what retention took, and call that a loss of its own."""
    bench.broker.grow("logs", 3)
    bench.broker.fill("logs", 2, 9)
    bench.broker.forget("logs", 2, 4)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.DATA_LOSS and "partition 2 offsets 0 to 3" in report.sentence
    bench.manager.accept_loss(JOB, None, "ana", "too late")
    assert gap(bench).holes == (Hole(Partition("topic-1", 2), 0, 4),)
    assert dict(bench.arguments(newest(bench)).starting_offsets) == {0: 10, 1: 0, 2: 4}


def test_what_lands_while_a_loss_is_accepted_is_no_log_that_was_cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver lives and lands: the ends that the broker told before are behind the head by then."""
    bench.fill(0, 30)
    bench.broker.grow("logs", 3)
    bench.broker.fill("logs", 2, 9)
    bench.broker.forget("logs", 2, 4)
    writer, ask, left = counting_writer(bench.store, JOB, 1, "i-driver-1", "v", 4, lambda: 9), bench.broker.end_offsets, [0, 40]

    def end_offsets(topic: str, committed: bool = True) -> object:
        answer = ask(topic, committed)
        if committed and left and (end := left.pop(0)):
            bench.land(writer, 1, 10, end)
        return answer

    bench.manager.health(JOB)
    monkeypatch.setattr(bench.broker, "end_offsets", end_offsets)
    bench.manager.accept_loss(JOB, None, "ana", "too late")
    assert gap(bench).holes == (Hole(Partition("topic-1", 2), 0, 4),)
    assert bench.head().frontier[Partition("topic-1", 0)] == 40


# quarantine


def fail(bench: Bench, batch: int, end: int, claimed: bool = False, times: int = 2) -> None:
    """The batch fails with the same error in so many attempts, before it is claimed or after."""
    bench.fill(0, 100)
    for _ in range(times):
        attempt = bench.head().attempt
        bench.checkpoints.plan(JOB, bench.head().epoch, attempt, batch, {0: end, 1: 0})
        if claimed:
            head = bench.head()
            planned = Batch(batch, head.frontier, at({0: end, 1: 0}))
            bench.store._heads[JOB] = claim(head, planned, head.totals, head.progress, "v1", 7)
        bench.store.put_exit(JOB, attempt, f"i{attempt}", "failed", "ValueError: a bad line", batch)
        if attempt < times:
            bench.manager.restart(JOB)


@pytest.mark.parametrize("claimed", [False, True])
def test_a_poisoned_batch_is_left_out_exactly(bench: Bench, claimed: bool) -> None:
    fail(bench, 1, 25, claimed)
    report = bench.manager.health(JOB)
    assert report.verdict is Verdict.POISONED and "weir quarantine" in report.next_step
    bench.manager.quarantine(JOB, report.attempt, "ana", "the parser cannot bear it")
    assert (gap(bench).kind, gap(bench).holes) == (GapKind.QUARANTINE, (Hole(Partition("topic-1", 0), 10, 25),))
    assert dict(bench.arguments(newest(bench)).starting_offsets) == {0: 25, 1: 0}
    bench.land(bench.writer(newest(bench)), 0, 25, 100)


def test_the_plan_of_the_attempt_that_failed_goes_before_an_older_claim(bench: Bench) -> None:
    """Attempt 1 claimed up to 20; attempt 2 planned anew, up to 30, and failed: the bad line may be in either."""
    fail(bench, 1, 20, claimed=True, times=1)
    bench.manager.restart(JOB)
    bench.checkpoints.plan(JOB, 1, 2, 1, {0: 30, 1: 0})
    bench.store.put_exit(JOB, 2, "i2", "failed", "ValueError: a bad line", 1)
    bench.manager.quarantine(JOB, None, "ana", "a bad line")
    assert gap(bench).holes == (Hole(Partition("topic-1", 0), 10, 30),)


def test_only_what_is_poisoned_or_named_is_left_out(bench: Bench) -> None:
    with pytest.raises(Conflict, match="is not poisoned"):
        bench.manager.quarantine(JOB, None, "ana", "why not")
    fail(bench, 1, 25, times=1)
    with pytest.raises(Conflict, match="is not poisoned"):
        bench.manager.quarantine(JOB, None, "ana", "why not")
    for wrong in (0, 2):
        with pytest.raises(Conflict, match=f"Batch {wrong} of error_counts is not claimed and has not failed"):
            bench.manager.quarantine(JOB, None, "ana", "why not", wrong)
    with pytest.raises(BadInput, match="reason"):
        bench.manager.quarantine(JOB, None, "ana", "", 1)
    bench.manager.quarantine(JOB, None, "ana", "I know this line", 1)
    assert gap(bench).holes == (Hole(Partition("topic-1", 0), 10, 25),)


def test_a_batch_whose_end_nobody_knows_is_not_left_out(bench: Bench) -> None:
    fail(bench, 1, 25)
    bench.checkpoints.files.clear()
    with pytest.raises(Conflict, match="The end of batch 1"):
        bench.manager.quarantine(JOB, None, "ana", "a bad line")


def test_what_would_be_done_is_told_and_nothing_is_done(bench: Bench) -> None:
    fail(bench, 1, 25)
    judged, there = bench.manager.foresee(JOB, Action.QUARANTINE, "a bad line", 1)
    assert (judged, dict(there.offsets)) == (2, at({0: 25, 1: 0})) and there.gap is not None
    judged, there = bench.manager.foresee(JOB, Action.REBUILD)
    assert (judged, dict(there.offsets), there.gap) == (2, at({0: 10, 1: 0}), None)
    assert bench.head().attempt == 2


def test_a_recount_tells_what_was_left_out(bench: Bench) -> None:
    from weir.counts.progress import batches, ledger_row

    fail(bench, 1, 25)
    bench.manager.quarantine(JOB, None, "ana", "a bad line")
    bench.land(bench.writer(newest(bench)), 0, 25, 40)
    row = next(ledger_row(h) for h in batches(bench.store, JOB) if h.gap)
    assert (row["state"], row["skipped"], row["offsets"]) == ("gap", 15, {"0": [10, 25]})
    assert Rules.of(bench.manager.specs[JOB]).topic == "logs"


# the time that is left


def waiting(bench: Bench, appended: int, kept: Retention) -> None:
    """Ten lines wait that were appended then (ms)."""
    for _ in range(10):
        bench.broker.add("logs", 0, b"web", b"", appended)
    bench.broker.kept["logs"] = kept


def test_the_minutes_until_retention_reaches_unread_lines(bench: Bench) -> None:
    now = int(bench.clock() * 1000)
    waiting(bench, now - 30 * MINUTE, Retention(75 * MINUTE))
    report = bench.manager.health(JOB)
    assert report.evidence["retention_minutes"] == {"0": 45.0}
    assert "retention deletes uncounted lines: partition 0 in 45 min" in report.sentence


def test_with_time_enough_nothing_is_said(bench: Bench) -> None:
    waiting(bench, int(bench.clock() * 1000), Retention(75 * MINUTE))
    assert "retention" not in bench.manager.health(JOB).sentence


@pytest.mark.parametrize("kept", [Retention(), Retention(bytes=10)])
def test_a_topic_that_keeps_its_lines_has_no_such_bound(bench: Bench, kept: Retention) -> None:
    waiting(bench, 0, kept)
    report = bench.manager.health(JOB)
    assert "retention_minutes" not in report.evidence and bench.broker.asked_for_times == 0


def test_the_broker_is_asked_only_with_lag_and_not_at_every_look(bench: Bench) -> None:
    bench.broker.kept["logs"] = Retention(60 * MINUTE)
    bench.manager.health(JOB)
    assert bench.broker.asked_for_times == 0
    waiting(bench, int(bench.clock() * 1000), Retention(60 * MINUTE))
    for _ in range(29):
        bench.manager.health(JOB)
        bench.clock.sleep(1)
    assert bench.broker.asked_for_times == 1


def test_what_landed_a_moment_ago_tells_for_nothing_that_there_is_time(bench: Bench) -> None:
    """The bench's lines were all appended in 1970, so retention is a little longer than that here."""
    now = int(bench.clock() * 1000)
    waiting(bench, now, Retention(now + 180 * MINUTE))
    assert bench.manager.health(JOB).evidence["retention_minutes"] == {"0": 180.0}
    assert bench.broker.asked_for_times == 0
