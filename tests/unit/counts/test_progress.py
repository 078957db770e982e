"""The ledger as rows, what is left, and samples of rejected lines."""

from __future__ import annotations

from functools import partial

import pytest

from spark_jobs.protocol.head import Batch
from spark_jobs.protocol.partition import of_source
from weir.counts.progress import batches, ledger_row, left, samples
from weir.errors import UnknownJob
from weir.testing import MemoryStore

from .job import JOB, START, TOPIC, Job

at = partial(of_source, "topic-1")  # offsets by partition


@pytest.fixture
def job() -> Job:
    job = Job()
    job.send(START)
    job.send_bad(b"", "empty", 1)
    job.land()
    job.send(START)
    job.send_bad(b"x", "not_a_log_line", 1)
    job.land()
    return job


def test_left_counts_what_has_not_landed(job: Job) -> None:
    assert left(job.store, JOB, at(job.broker.end_offsets(TOPIC))) == 0
    job.send(START)
    assert left(job.store, JOB, at(job.broker.end_offsets(TOPIC))) == 1
    assert left(job.store, JOB, at({0: 2, 1: 1})) == 0


def test_the_ledger_is_newest_first(job: Job) -> None:
    rows = [ledger_row(h) for h in batches(job.store, JOB)]
    assert [r["batch_id"] for r in rows] == [1, 0]
    assert rows[0]["offsets"] == {"0": [1, 2], "1": [1, 2]}
    assert (rows[0]["lines"], rows[0]["rejected"], rows[0]["late"], rows[0]["skipped"]) == (2, 1, 0, 0)
    assert (rows[0]["epoch"], rows[0]["attempt"], rows[0]["state"]) == (1, 1, "landed")
    assert rows[0]["landed_at"] == "2026-01-31T12:00:00Z"


def test_an_open_claim_comes_first(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.send(START)
    monkeypatch.setattr(MemoryStore, "put_deltas", _killed)
    with pytest.raises(InterruptedError):
        job.land()
    rows = [ledger_row(h) for h in batches(job.store, JOB)]
    assert [(r["batch_id"], r["state"]) for r in rows] == [(2, "claimed"), (1, "landed"), (0, "landed")]
    assert rows[0]["landed_at"] is None
    assert [s.reason for s in samples(job.store, JOB)] == ["not_a_log_line", "empty"]


def _killed(*_: object) -> None:
    raise InterruptedError


def test_samples_by_reason(job: Job) -> None:
    (sample,) = samples(job.store, JOB, "empty")
    assert (sample.partition, sample.offset) == (1, 0)


def test_samples_of_a_batch_that_never_landed_are_left_out(job: Job) -> None:
    job.send_bad(b"z", "never", 1)
    head = job.store.head(JOB)
    assert head is not None
    batch = Batch(2, head.frontier, at(job.broker.end_offsets(TOPIC)))
    counted = job.count(batch, head.progress)
    claimed = job.writer._claim(head, batch, counted, 1)
    assert claimed is not None
    job.store.put_rejected(claimed, counted.rejected)
    assert "never" not in [s.reason for s in samples(job.store, JOB)]


def test_a_job_that_never_ran() -> None:
    with pytest.raises(UnknownJob):
        left(MemoryStore(), JOB, {})


def test_a_gap_is_a_row_of_its_own(job: Job) -> None:
    job.send(START)
    job.pass_over(1)
    for _ in range(2):  # in the head, and then in the ledger
        row = next(r for h in batches(job.store, JOB) if (r := ledger_row(h))["state"] == "gap")
        assert (row["offsets"], row["lines"], row["skipped"], row["epoch"]) == ({"0": [2, 3]}, 0, 1, 2)
        assert (row["gap"]["kind"], row["gap"]["who"], row["gap"]["reason"]) == ("loss", "ana", "it was so")
        job.send(START)
        job.land()
    assert [ledger_row(h)["state"] for h in batches(job.store, JOB)] == ["landed", "landed", "gap", "landed", "landed"]
