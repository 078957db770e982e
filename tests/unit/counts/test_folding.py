"""Which hours are to be folded and swept, and that late lines bring them back."""

from __future__ import annotations

import pytest

from spark_jobs.counts.cells import HOUR_MS
from weir.counts.fold import Outcome
from weir.counts.folding import GRACE_MS, fold_many, in_batches, pending, sweep_many, sweepable
from weir.counts.panes import Windows
from weir.counts.query import Question, counts
from weir.errors import NotProven

from .job import JOB, START, Job

NOW = START + 10 * HOUR_MS


def total(job: Job) -> int:
    return sum(r["n"] for r in counts(job.store, JOB, Question(Windows(10_000, 10_000), by=())))


@pytest.fixture
def job() -> Job:
    job = Job(shards=1)
    job.send(START)
    job.send(START + HOUR_MS)
    job.land()
    return job


def test_only_closed_hours_are_folded(job: Job) -> None:
    assert pending(job.store, JOB, START + HOUR_MS - 1) == []
    assert pending(job.store, JOB, START + HOUR_MS) == [(START, 0)]
    assert pending(job.store, JOB) == [(START, 0), (START + HOUR_MS, 0)]


def test_folded_hours_are_done_until_a_late_line_comes(job: Job) -> None:
    done = fold_many(job.store, JOB, pending(job.store, JOB), NOW)
    assert [f.outcome for f in done] == [Outcome.PUBLISHED] * 2
    assert pending(job.store, JOB) == []
    job.send(START + 1000)
    job.land()
    assert pending(job.store, JOB) == [(START, 0)]
    assert total(job) == 3
    fold_many(job.store, JOB, pending(job.store, JOB), NOW)
    assert (pending(job.store, JOB), total(job)) == ([], 3)


def test_sweeping_waits_for_the_grace_and_happens_once(job: Job) -> None:
    fold_many(job.store, JOB, pending(job.store, JOB), NOW)
    assert sweepable(job.store, JOB, NOW + GRACE_MS - 1) == []
    places = sweepable(job.store, JOB, NOW + GRACE_MS)
    assert sweep_many(job.store, JOB, places, NOW + GRACE_MS) == 2
    assert not any(list(job.store.deltas(JOB, at)) for at in places)
    assert sweepable(job.store, JOB, NOW + GRACE_MS) == []
    assert total(job) == 2


def test_a_lost_note_only_costs_another_look(job: Job) -> None:
    fold_many(job.store, JOB, pending(job.store, JOB), NOW)
    job.store._folds.clear()
    done = fold_many(job.store, JOB, pending(job.store, JOB), NOW)
    assert [f.outcome for f in done] == [Outcome.NOTHING_NEW] * 2
    assert pending(job.store, JOB) == []


def test_one_unproven_hour_does_not_hold_up_the_others(job: Job) -> None:
    job.store._deltas[JOB, (START, 0)].clear()
    with pytest.raises(NotProven, match=f"hour {START}"):
        fold_many(job.store, JOB, pending(job.store, JOB), NOW)
    assert pending(job.store, JOB) == [(START, 0)]


def test_places_are_handed_out_in_slices(job: Job) -> None:
    assert in_batches([(1, 0), (2, 0), (3, 0)], 2) == [[(1, 0), (2, 0)], [(3, 0)]]
