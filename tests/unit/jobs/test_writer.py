"""What a driver refuses to write."""

from __future__ import annotations

from functools import partial

import pytest

from spark_jobs.counts.cells import Delta
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.head import Batch, Progress, State, Totals, first_head, taken_over
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Broken, Diverged, Superseded, Writer
from weir.testing import MemoryStore

at = partial(of_source, "topic")  # offsets by partition

BATCH = Batch(0, at({0: 0}), at({0: 10}))


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    first = first_head("counts", at({0: 0}), 1)
    store.create_head(first)
    store.swap(first, taken_over(first))
    return store


def writer(store: MemoryStore, incarnation: str = "i1") -> Writer:
    return counting_writer(store, "counts", 1, incarnation, "v1", 4, lambda: 1_000_000)


def lines(n: int, said: int | None = None) -> Counted:
    return Counted([Delta(0, "web", "error", "x", n)], Totals(n if said is None else said, {"error": n}), Progress())


@pytest.mark.parametrize("counted", [lines(10, said=11), lines(10, said=9), lines(11)])
def test_a_batch_that_does_not_add_up_is_not_written(store: MemoryStore, counted: Counted) -> None:
    mine = writer(store)
    mine.start()
    with pytest.raises(Broken, match="batch 0"):
        mine.write(BATCH, lambda before: counted)
    head = store.head("counts")
    assert head is not None and (head.state, head.batch_id) == (State.LANDED, -1)
    assert store.hours("counts") == []


def test_offsets_without_a_record_are_allowed(store: MemoryStore) -> None:
    """Topics with transactions or compaction have such."""
    mine = writer(store)
    mine.start()
    assert mine.write(BATCH, lambda before: lines(7))


def test_a_second_process_of_an_attempt_may_not_start(store: MemoryStore) -> None:
    writer(store).start()
    with pytest.raises(Superseded):
        writer(store, "i2").start()


def test_a_batch_that_landed_is_skipped_and_another_of_its_number_is_not(store: MemoryStore) -> None:
    mine = writer(store)
    mine.start()
    assert mine.write(BATCH, lambda before: lines(10))
    assert not mine.write(BATCH, lambda before: lines(10))
    with pytest.raises(Diverged, match=r"0: 0-9"):
        mine.write(Batch(0, at({0: 0}), at({0: 9})), lambda before: lines(9))


def test_a_gap_is_never_gone_over(store: MemoryStore) -> None:
    mine = writer(store)
    mine.start()
    mine.write(BATCH, lambda before: lines(10))
    with pytest.raises(Diverged):
        mine.write(Batch(1, at({0: 11}), at({0: 20})), lambda before: lines(9))


def test_a_removed_job_ends_its_driver() -> None:
    with pytest.raises(Superseded):
        writer(MemoryStore()).start()
