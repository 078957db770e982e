"""A driver reads its head serially only where a plain read is not enough."""

from __future__ import annotations

from typing import Any

import pytest

from spark_jobs.counts.deltas import counting_writer
from spark_jobs.protocol.head import Batch, Head, first_head
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Superseded
from tests.unit.protocol.world import count
from weir.supervise.start.takeover import take_over
from weir.testing import MemoryStore

JOB = "counts"


class Counting:
    """A store that counts the serial reads of its head. Plain reads return the head `shown`, if there is one."""

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.read, self.shown = store, 0, None

    def head(self, job: str) -> Head | None:
        self.read += 1
        return self.store.head(job)

    def plain_head(self, job: str) -> Head | None:
        return self.shown or self.store.plain_head(job)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def batch(n: int) -> Batch:
    return Batch(n, of_source("topic", {0: 5 * n}), of_source("topic", {0: 5 * n + 5}))


def writer_of(store: Any) -> Any:
    store.create_head(first_head(JOB, of_source("topic", {0: 0}), 1))
    writer = counting_writer(store, JOB, take_over(store, JOB, 0).attempt, "one", "v1", 2, lambda: 1)
    writer.start()
    return writer


def write(writer: Any, n: int) -> bool:
    return writer.write(batch(n), lambda before: count(batch(n), before))


def test_batches_in_a_row_read_the_head_once() -> None:
    store = Counting(MemoryStore())
    writer = writer_of(store)
    before = store.read
    assert all(write(writer, n) for n in range(3)) and store.read == before + 1
    assert not write(writer, 2) and store.read == before + 2, "what has landed is looked up with the head of now"


def test_an_old_head_in_a_plain_read_lets_nothing_be_written() -> None:
    store = Counting(MemoryStore())
    writer = writer_of(store)
    write(writer, 0)
    store.shown = store.store.head(JOB)
    take_over(store, JOB, store.shown.attempt)
    with pytest.raises(Superseded):
        write(writer, 1)
    assert store.store.head(JOB).last_landed == 0
