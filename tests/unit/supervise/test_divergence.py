"""A job never starts from a wrong place: lost, damaged and old checkpoints, and heads that were restored from an older copy."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from spark_jobs.protocol.head import Batch, Head
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Diverged as DriverDiverged
from weir.counts import read as reading
from weir.counts.fold import fold, seen_landed
from weir.counts.progress import batches
from weir.errors import Diverged, NotProven, NotRunning
from weir.jobs.spec import Restart
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Verdict

from .bench import JOB, Bench

at = partial(of_source, "topic-1")  # offsets by partition

AT = (0, 2)  # where the bench's lines are counted


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Attempt 1 has landed batches 0 to 2, ten lines each."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    writer = bench.writer("driver-1")
    for n in range(3):
        bench.land(writer, n, 10 * n, 10 * n + 10)
    return bench


def forbid_rebuilding(bench: Bench) -> None:
    spec = bench.manager.specs[JOB]
    bench.manager.specs[JOB] = spec.model_copy(update={"restart": Restart(rebuild_on_divergence=False)})
    bench.manager.deploy(JOB)


def newest(bench: Bench) -> str:
    return bench.cluster.alive[-1]


def damage(bench: Bench, path: str, data: bytes | None, attempt: int = 1) -> None:
    files = bench.checkpoints.files[JOB, 1, attempt]
    files.pop(path) if data is None else files.__setitem__(path, data)


def counted(bench: Bench) -> int:
    """Lines in the store, of all hours."""
    places = [(t.hour, t.shard) for t in bench.store.hours(JOB)]
    return sum(sum(reading.read(bench.store, JOB, at).values()) for at in places)


ELSEWHERE = b'v1\n{}\n{"logs":{"0":25,"1":0}}'
DAMAGES = {
    "the landed batch's offsets are empty": ("offsets/2", b""),
    "the landed batch's offsets are of other lines": ("offsets/2", ELSEWHERE),
    "the landed batch's offsets are of another topic": ("offsets/2", b'v1\n{}\n{"clicks":{"0":30,"1":0}}'),
    "no metadata": ("metadata", None),
    "a batch was committed that never landed": ("commits/3", b"v1\n{}"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_checkpoint_that_does_not_lead_on_is_rebuilt_and_the_timeline_says_so(bench: Bench, name: str) -> None:
    damage(bench, *DAMAGES[name])
    if name == "a batch was committed that never landed":
        bench.checkpoints.plan(JOB, 1, 1, 3, {0: 40, 1: 0})
    bench.manager.restart(JOB)
    head, args = bench.head(), bench.arguments(newest(bench))
    assert (head.epoch, dict(args.starting_offsets)) == (2, {0: 30, 1: 0})
    event = next(e for e in bench.store.events(JOB) if e.kind == "rebuild")
    assert "attempt 1: " in str(event.detail["finding"]) and event.detail["epoch"] == 2
    bench.land(bench.writer(newest(bench)), 0, 30, 40)
    assert counted(bench) == 40


@pytest.mark.parametrize("name", DAMAGES)
def test_where_the_spec_forbids_it_the_verdict_says_what_to_do(bench: Bench, name: str) -> None:
    forbid_rebuilding(bench)
    bench.land(bench.writer("driver-2"), 3, 30, 40)
    damage(bench, "offsets/3", b"", 2)
    damage(bench, "metadata", None, 2)
    del bench.checkpoints.files[JOB, 1, 1]
    bench.cluster.states["driver-2"] = DriverState.FAILED
    with pytest.raises(Diverged, match=r"weir checkpoint error_counts --doctor"):
        bench.manager.act(bench.manager.health(JOB))
    for _ in range(3):
        bench.clock.sleep(60)
        report = bench.manager.health(JOB)
        assert (report.verdict, report.act) == (Verdict.DIVERGED, "none")
        assert "attempt 2: the folder has nothing to continue from" in report.sentence
        assert "--doctor" in report.next_step and "--rebuild" in report.next_step
    assert bench.cluster.alive == []
    assert bench.manager.rebuild(JOB, report.attempt, "ana", "as it says").changed
    assert (bench.head().epoch, dict(bench.arguments(newest(bench)).starting_offsets)) == (2, {0: 40, 1: 0})


def test_a_damaged_newest_folder_falls_back_to_an_older_one_that_leads_on(bench: Bench) -> None:
    """Attempt 2 landed nothing: attempt 1's folder still ends where the ledger does."""
    bench.manager.restart(JOB)
    damage(bench, "metadata", b"", 2)
    bench.manager.restart(JOB)
    assert (bench.head().epoch, bench.head().attempt) == (1, 3)
    assert bench.checkpoints.files[JOB, 1, 3]["offsets/2"] == bench.checkpoints.files[JOB, 1, 1]["offsets/2"]


def test_it_does_not_fall_back_to_one_that_ends_earlier(bench: Bench) -> None:
    bench.manager.restart(JOB)
    bench.land(bench.writer("driver-2"), 3, 30, 40)
    damage(bench, "metadata", b"", 2)
    bench.manager.restart(JOB)
    assert (bench.head().epoch, bench.head().frontier) == (2, at({0: 40, 1: 0}))


def test_an_open_claim_is_done_again_by_the_plan_that_was_copied(bench: Bench) -> None:
    bench.checkpoints.plan(JOB, 1, 1, 3, {0: 44, 1: 0})
    bench.manager.restart(JOB)
    assert bench.head().epoch == 1 and b'"0": 44' in bench.checkpoints.files[JOB, 1, 2]["offsets/3"]


def test_the_first_batch_of_an_epoch_may_have_landed_without_spark_knowing(tmp_path: Path) -> None:
    """Killed between landing batch 0 and Spark's commit: the epoch still began where it began, and the batch is skipped."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    bench.land(bench.writer("driver-1"), 0, 0, 10)
    damage(bench, "commits/0", None)
    bench.manager.restart(JOB)
    args = bench.arguments(newest(bench))
    assert (bench.head().epoch, dict(args.starting_offsets)) == (1, {0: 0, 1: 0})
    again = Batch(0, at(args.starting_offsets), at({0: 10, 1: 0}))
    assert not bench.writer(newest(bench)).write(again, lambda before: pytest.fail("it has landed"))


def test_checkpoints_that_do_not_answer_are_no_divergence_and_no_loop(bench: Bench) -> None:
    bench.cluster.states["driver-1"] = DriverState.FAILED
    bench.checkpoints.answers = False
    tried = 0
    for _ in range(200):
        report = bench.manager.health(JOB)
        if report.act != "none" and bench.clock() * 1000 >= report.not_before:
            tried += 1
            with pytest.raises(NotRunning):
                bench.manager.act(report)
        bench.clock.sleep(1)
    assert report.verdict is Verdict.DOWN and "do not answer" in report.sentence
    assert 5 < tried < 10 and bench.head().epoch == 1  # an outage uses up no budget, and each try waits longer
    bench.checkpoints.answers = True
    bench.clock.sleep(bench.manager.specs[JOB].restart.backoff_max)
    assert bench.manager.act(bench.manager.health(JOB))
    bench.land(bench.writer(newest(bench)), 3, 30, 40)
    assert (bench.head().epoch, counted(bench)) == (1, 40)


# partitions that were added


def test_a_partition_that_was_added_is_started_from_its_beginning(bench: Bench) -> None:
    bench.broker.grow("logs", 3)
    bench.broker.fill("logs", 2, 5)
    bench.manager.restart(JOB)
    assert bench.head().epoch == 1 and bench.manager.health(JOB).evidence["lag"] == 5
    bench.manager.rebuild(JOB)
    assert dict(bench.arguments(newest(bench)).starting_offsets) == {0: 30, 1: 0, 2: 0}


def test_a_job_that_has_landed_nothing_is_told_of_partitions_that_were_added(tmp_path: Path) -> None:
    """Spark does not start a stream whose starting offsets leave one out."""
    bench = Bench(tmp_path)
    bench.manager.deploy(JOB)
    bench.broker.grow("logs", 3)
    bench.manager.restart(JOB)
    assert dict(bench.arguments(newest(bench)).starting_offsets) == {0: 0, 1: 0, 2: 0}


# heads and stores that were restored


def restored(bench: Bench, head: Head) -> None:
    bench.store._heads[JOB] = head


def grown_past(bench: Bench) -> Head:
    """A copy of the head is taken, then attempts 2 and 3 land a batch each. Returns the copy."""
    copy = bench.head()
    for attempt in (2, 3):
        bench.manager.restart(JOB)
        bench.land(bench.writer(newest(bench)), attempt + 1, 10 * attempt + 10, 10 * attempt + 20)
    return copy


def test_no_attempt_is_used_twice_after_the_head_was_restored(bench: Bench) -> None:
    copy = grown_past(bench)
    restored(bench, copy)
    assert bench.manager.restart(JOB).attempt == 5, "4 found that nothing leads on"
    assert [a.attempt for a in bench.store.attempts(JOB)] == [5, 4, 3, 2, 1]


def test_a_number_that_only_a_folder_knows_is_not_used_again(bench: Bench) -> None:
    """The whole store was restored, so that it has forgotten attempts 2 and 3."""
    copy = grown_past(bench)
    restored(bench, copy)
    bench.store._ledger = {k: h for k, h in bench.store._ledger.items() if k[1] == 1}
    bench.store._attempts[JOB] = {1: bench.store._attempts[JOB][1]}
    bench.store._firsts[JOB] = {1: (1, 0)}
    assert bench.manager.restart(JOB).attempt == 4
    assert (bench.head().epoch, bench.head().frontier) == (1, at({0: 30, 1: 0})), "the folder of attempt 1 still ends there"
    bench.land(bench.writer(newest(bench)), 3, 30, 50)
    assert counted(bench) == 50


def test_folders_that_are_all_ahead_of_a_restored_store_are_not_gone_on_from(bench: Bench) -> None:
    copy = grown_past(bench)
    restored(bench, copy)
    bench.store._ledger = {k: h for k, h in bench.store._ledger.items() if k[1] == 1}
    del bench.checkpoints.files[JOB, 1, 1]
    bench.manager.restart(JOB)
    assert (bench.head().epoch, bench.head().frontier) == (2, at({0: 30, 1: 0}))
    assert "has committed batch 4, and the ledger of this epoch ends with 2" in bench.store.attempts(JOB)[1].exit_error


def test_a_number_that_only_an_old_submission_knows_is_not_used_again(bench: Bench) -> None:
    bench.store.put_submitted(JOB, 2, "driver-of-old", 1)
    assert bench.manager.restart(JOB).attempt == 3
    assert bench.manager.stop(JOB).attempt == 4


def test_a_number_that_was_only_noted_is_free(bench: Bench) -> None:
    """Two supervisors that take over at once note the same row: it must not count as an attempt of its own."""
    bench.store.put_attempt(JOB, AttemptRow(2, "restart", "weir", "", 1, "v1"))
    assert bench.manager.restart(JOB).attempt == 2


def test_a_head_older_than_the_ledger_is_brought_forward_and_nothing_is_counted_twice(bench: Bench) -> None:
    copy = grown_past(bench)
    restored(bench, copy)
    bench.manager.restart(JOB)
    head = bench.head()
    kept = [h.batch for h in batches(bench.store, JOB)]
    assert head.epoch == 2 and "restored from an older copy" in bench.store.attempts(JOB)[1].exit_error
    assert dict(head.frontier) == at({0: 40, 1: 0}), "the ledger has the batch of attempt 2; that of attempt 3 was in the head alone"
    bench.land(bench.writer(newest(bench)), 0, 40, 60)
    assert counted(bench) == 60 and len(kept) == 4


def test_what_is_published_is_never_added_to_lines_that_are_counted_again(bench: Bench) -> None:
    """With the rule that a fold keeps the newest batch in the ledger, a restored head always finds its way back to what is published."""
    copy = grown_past(bench)
    (place,) = {(t.hour, t.shard) for t in bench.store.hours(JOB)}
    fold(bench.store, JOB, place, "run-1", 1)
    assert sum(reading.read(bench.store, JOB, place).values()) == 50
    restored(bench, copy)
    with pytest.raises(NotProven, match="folded up to batch 4 of attempt 3, which is missing from the head"):
        reading.read(bench.store, JOB, place)
    with pytest.raises(NotProven, match="weir checkpoint error_counts --rebuild"):
        fold(bench.store, JOB, place, "run-2", 2)
    bench.manager.rebuild(JOB)
    assert dict(bench.head().frontier) == at({0: 50, 1: 0})
    assert counted(bench) == 50
    bench.land(bench.writer(newest(bench)), 0, 50, 60)
    assert counted(bench) == 60
    fold(bench.store, JOB, place, "run-3", 3)
    assert counted(bench) == 60


def test_the_watch_heals_a_restored_head_by_itself(bench: Bench) -> None:
    """The driver finds itself replaced and ends; the restart finds the ledger ahead of the head."""
    copy = grown_past(bench)
    driver = newest(bench)
    restored(bench, copy)
    bench.cluster.states[driver] = bench.cluster.states["driver-1"] = DriverState.FAILED
    report = bench.manager.health(JOB)
    bench.clock.sleep(60)
    bench.manager.act(report)
    bench.land(bench.writer(newest(bench)), 0, 40, 60)
    assert counted(bench) == 60


def test_a_job_whose_head_and_checkpoint_come_from_the_same_backup_is_not_taken_for_sound(bench: Bench) -> None:
    copy = grown_past(bench)
    restored(bench, copy)
    for attempt in (2, 3):
        del bench.checkpoints.files[JOB, 1, attempt]
    bench.manager.restart(JOB)
    assert (bench.head().epoch, dict(bench.head().frontier)) == (2, at({0: 40, 1: 0}))


def test_a_sound_head_is_not_brought_forward(bench: Bench) -> None:
    head = bench.head()
    bench.store.put_ledger(head)
    bench.manager.restart(JOB)
    assert bench.head().epoch == 1
    assert seen_landed(bench.store, JOB).newest == (1, 2)


def test_a_driver_that_diverges_is_rebuilt(bench: Bench) -> None:
    writer = bench.writer("driver-1")
    with pytest.raises(DriverDiverged):
        writer.write(Batch(3, at({0: 25, 1: 0}), at({0: 40, 1: 0})), lambda before: pytest.fail("it does not follow"))
    bench.store.put_exit(JOB, 1, "i1", "diverged", "batch 3 does not follow", 3)
    report = bench.manager.health(JOB)
    assert (report.verdict, report.act) == (Verdict.DIVERGED, "rebuild")
    assert bench.manager.act(report) is not None and bench.head().epoch == 2


def test_what_the_doctor_is_shown(bench: Bench) -> None:
    seen = bench.manager.checkpoint(JOB)
    assert seen is not None
    assert (seen.folder.epoch, seen.folder.attempt, seen.highest, seen.topic) == (1, 1, 1, "logs")
    assert (seen.before, seen.after, seen.kept) == (bench.head(), bench.head(), next(bench.store.ledger(JOB)))
    bench.manager.stop(JOB)
    stopped = bench.manager.checkpoint(JOB)
    assert stopped is not None and stopped.folder.attempt == 1, "a stop takes a number and no folder"
    assert replace(stopped, before=bench.head()).after.attempt == 2
