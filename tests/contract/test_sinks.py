"""Every sink of landed jobs keeps what its protocol promises, on its real server: written once, fenced, held, seen when it should be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import psutil
import pytest
from pyspark.sql import SparkSession

from spark_jobs import failpoint
from spark_jobs.protocol.landing import Held
from spark_jobs.protocol.writer import Superseded
from tests.contract import sinks
from tests.contract.sinks import Life, Rig, digest
from tests.parts import make_topic
from tests.stores.servers import ALL_STORES

STACK = pytest.mark.stack
KINDS = [
    "memory",
    *(pytest.param(kind, marks=STACK) for kind in ("postgresql append", "postgresql upsert", "kafka", "cassandra")),
    "parquet folder",
    *(pytest.param(f"parquet {store}", marks=[STACK, ALL_STORES]) for store in ("hdfs", "s3a")),
]
LARGE = [  # in Cassandra it takes five minutes on two busy cores, and the way of the rows through the driver is the same
    pytest.param("postgresql append", marks=STACK),
    "parquet folder",
    *(pytest.param(kind, marks=[STACK, ALL_STORES]) for kind in ("postgresql upsert", "kafka", "cassandra", "parquet hdfs", "parquet s3a")),
]
TWO, THREE = [("a", 1), ("b", 2)], [("c", 3), ("d", 4), ("e", 5)]
MIB = 1024 * 1024


@pytest.fixture
def rig(request: pytest.FixtureRequest, spark: SparkSession) -> Rig:
    """A new target, and nothing in it."""
    kind, _, which = request.param.partition(" ")
    if kind == "postgresql":
        return sinks.postgresql(spark, request.getfixturevalue("real_postgres"), which == "upsert")
    if kind == "kafka":
        settings = request.getfixturevalue("real_kafka")
        return sinks.kafka(spark, settings.kafka, lambda topic: make_topic(settings, topic, 1))
    if kind == "cassandra":
        return sinks.cassandra(spark, request.getfixturevalue("real_store").session)
    if kind == "parquet":
        return sinks.parquet(spark, request.getfixturevalue("file_stores")(which))
    return sinks.memory(spark)


every = pytest.mark.parametrize("rig", KINDS, indirect=True)
with_transactions = pytest.mark.parametrize(
    "rig", [pytest.param(kind, marks=STACK) for kind in ("postgresql append", "postgresql upsert", "kafka")], indirect=True
)


@every
def test_batches_land_one_after_another(rig: Rig) -> None:
    life, sink = Life.begun(), rig.process()
    sink.rehearse("cards")
    first = sink.fence(life.head)
    assert first == (Held(1, 1, -1) if rig.knows else None)
    assert rig.seen() == []
    life.batch(sink, rig.rows(TWO))
    life.batch(sink, rig.rows(THREE))
    assert rig.seen() == TWO + THREE


@every
def test_a_batch_that_is_written_twice_is_there_once(rig: Rig) -> None:
    life, sink, rows = Life.begun(), rig.process(), rig.rows(TWO)
    sink.fence(life.head)
    claimed = life.claimed()
    sink.write(claimed, rows, digest(rows))
    sink.write(claimed, rows, digest(rows))
    landed = life.landed()
    sink.landed(landed)
    sink.landed(landed)
    assert rig.seen() == TWO


@every
def test_a_crash_between_write_and_landing_is_found_by_the_next_attempt(rig: Rig) -> None:
    life, sink, rows = Life.begun(), rig.process(), rig.rows(TWO)
    sink.fence(life.head)
    sink.write(life.claimed(), rows, digest(rows))
    assert rig.seen() == ([] if rig.hides else TWO), "what readers see before it lands"

    later, successor = life.successor(), rig.process()
    assert successor.fence(later.head) == (Held(1, 2, 0) if rig.knows else None)
    successor.write(later.claimed(), rows, digest(rows))
    successor.landed(later.landed())
    later.batch(successor, rig.rows(THREE))
    assert rig.seen() == TWO + THREE


@every
def test_a_crash_between_landing_and_publishing_is_completed_at_the_next_start(rig: Rig) -> None:
    life, sink, rows = Life.begun(), rig.process(), rig.rows(TWO)
    sink.fence(life.head)
    sink.write(life.claimed(), rows, digest(rows))
    life.landed()

    later, successor = life.successor(), rig.process()
    successor.fence(later.head)
    successor.landed(later.head)
    assert rig.seen() == TWO


@every
def test_an_older_attempt_changes_nothing_after_a_newer_one_raised_the_fence(rig: Rig) -> None:
    life, frozen, rows = Life.begun(), rig.process(), rig.rows(TWO)
    frozen.fence(life.head)
    claimed = life.claimed()
    later, successor = life.successor(), rig.process()
    successor.fence(later.head)
    if rig.knows:
        with pytest.raises(Superseded):
            frozen.write(claimed, rows, digest(rows))
        assert rig.seen() == []
    later.batch(successor, rows)
    changed = rig.rows([("a", 10)])
    later.batch(successor, changed)
    if not rig.knows:
        frozen.write(claimed, rows, digest(rows))
    seen = [("a", 10), ("b", 2)] if rig.upserts else [("a", 1), ("a", 10), ("b", 2)]
    assert rig.seen() == seen
    with pytest.raises(Superseded) if rig.knows or rig.hides else nullcontext():
        frozen.fence(life.head)
    later.batch(successor, rig.rows(THREE))
    assert rig.seen() == seen + THREE, "the newer attempt was not disturbed"


@every
def test_a_batch_without_rows_is_a_batch(rig: Rig) -> None:
    life, sink, none = Life.begun(), rig.process(), rig.rows(TWO).limit(0)
    sink.fence(life.head)
    life.batch(sink, none)
    life.batch(sink, rig.rows(TWO))
    if rig.hides:
        rig.process().fence(life.head)  # raises SinkBehind if the batch without rows has no manifest
    life.batch(sink, none)
    assert rig.seen() == TWO
    held = rig.process().fence(life.successor().head)
    assert held == (Held(1, 2, 2) if rig.knows else None)


@every
def test_a_new_epoch_writes_on(rig: Rig) -> None:
    life, sink = Life.begun(), rig.process()
    sink.fence(life.head)
    life.batch(sink, rig.rows(TWO))
    later, successor = sinks.with_epoch(life.successor(), 2), rig.process()
    assert successor.fence(later.head) == (Held(1, 2, 0) if rig.knows else None)
    later.batch(successor, rig.rows(THREE))
    assert rig.seen() == TWO + THREE
    assert rig.process().fence(later.successor().head) == (Held(2, 3, 0) if rig.knows else None)


@pytest.mark.parametrize("rig", LARGE, indirect=True)
def test_a_large_batch_passes_in_bounded_memory(rig: Rig) -> None:
    """200,000 rows of 500 bytes in one partition of Spark's: a list of them takes more than 120 MiB. The fake keeps all of them."""
    rig.spark.catalog.clearCache()
    text = "rpad(cast(id AS string), 500, 'x')"
    made = rig.spark.range(0, 200_000, 1, 1).selectExpr(f"{text} AS name", "id AS n")
    rows = rig.shaped(made).persist()
    life, sink, found = Life.begun(), rig.process(), digest(rows)
    sink.fence(life.head)
    with Peak() as peak:
        sink.write(life.claimed(), rows, found)
    sink.landed(life.landed())
    rows.unpersist()
    assert (rig.size() if rig.size else len(rig.seen())) == 200_000
    assert peak.grown < 110 * MIB, f"{peak.grown / MIB:.0f} MiB"


@with_transactions
def test_an_open_transaction_of_an_older_attempt_is_not_seen_and_not_committed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    life, frozen, rows = Life.begun(), rig.process(), rig.rows(TWO)
    frozen.fence(life.head)
    claimed = life.claimed()
    with stopped_at("sink.write", monkeypatch, lambda: frozen.write(claimed, rows, digest(rows))) as stop:
        assert rig.seen() == [], "its transaction is open"
        later, successor = life.successor(), rig.process()
        assert successor.fence(later.head) == Held(1, 2, -1)
        later.batch(successor, rows)
        assert isinstance(stop.wakes(), Superseded)
    assert rig.seen() == TWO
    later.batch(successor, rig.rows(THREE))
    assert rig.seen() == TWO + THREE


@with_transactions
def test_a_transaction_that_committed_without_an_answer_is_looked_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    life, sink, rows = Life.begun(), rig.process(), rig.rows(TWO)
    sink.fence(life.head)
    fail_once("sink.commit", monkeypatch)
    claimed = life.claimed()
    with pytest.raises(failpoint.Failed):
        sink.write(claimed, rows, digest(rows))
    sink.write(claimed, rows, digest(rows))
    assert rig.seen() == TWO


class Peak:
    """How much this process grew at most, in bytes."""

    def __enter__(self) -> Peak:
        self._process, self._over, self.grown = psutil.Process(), threading.Event(), 0
        self._before = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.grown = max(self.grown, self._process.memory_info().rss - self._before)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class stopped_at:
    """A thread that stops at a point, as a frozen driver does, until it is woken."""

    def __init__(self, point: str, monkeypatch: pytest.MonkeyPatch, run: Callable[[], Any]) -> None:
        self._there, self._woken, self._error = threading.Event(), threading.Event(), None
        self._thread = threading.Thread(target=self._run, args=(run,))

        def reach(name: str) -> None:
            if name == point and threading.current_thread() is self._thread:
                self._there.set()
                assert self._woken.wait(300)

        monkeypatch.setattr(failpoint, "reach", reach)

    def _run(self, run: Callable[[], Any]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self._error: Exception | None = error

    def __enter__(self) -> stopped_at:
        self._thread.start()
        assert self._there.wait(120), self._error
        return self

    def wakes(self) -> Exception | None:
        """Let it go on to its end; return what it raised."""
        self._woken.set()
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self._error

    def __exit__(self, *_: object) -> None:
        self._woken.set()
        self._thread.join(120)


def fail_once(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next call that reaches a point fail there."""
    left = [point]

    def reach(name: str) -> None:
        if name in left:
            left.remove(name)
            raise failpoint.Failed(name)

    monkeypatch.setattr(failpoint, "reach", reach)
