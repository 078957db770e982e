"""What a driver without input proves, when it tries again, and when it gives up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from spark_jobs.runtime.batches import Batches, Closed
from spark_jobs.runtime.contract import PROVEN, CassandraAddress, Exit, JobArguments
from spark_jobs.runtime.proof import Proof
from weir.testing import MemoryStore

ARGS = JobArguments("counts", 3, 1, "v1", "file:///c", "kafka", "logs", CassandraAddress(("host",)))
NO_CLASS = RuntimeError("Job aborted due to stage failure: java.lang.NoClassDefFoundError: org/apache/spark/sql/kafka010/KafkaSource")
AWAY = RuntimeError("org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node")


class Bench:
    """A proof whose tries end as told; `ended` has what ended the driver."""

    def __init__(self) -> None:
        self.store, self.ended = MemoryStore(), list[tuple[Exit, str]]()
        self.batches: Batches[object] = Batches(None, ARGS)  # type: ignore[arg-type]

    def prove(
        self, *tries: Exception | None, waits: Callable[[], bool] = lambda: True, sleep: Callable[[float], object] = lambda s: None
    ) -> int:
        """Return how many tries it took."""
        left = iter(tries)

        def attempt() -> None:
            failure = next(left)
            if failure:
                raise failure

        Proof(ARGS, self.batches, self.store, attempt, lambda *how: self.ended.append(how)).run(waits, sleep)
        return len(tries) - len(list(left))

    def fails(self) -> None:
        raise NO_CLASS

    @property
    def proof(self) -> str:
        rows = self.store.attempts("counts")
        return rows[0].proof if rows else ""


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_is_proven_once_the_query_waits_for_input(bench: Bench) -> None:
    looks = iter([False, False, True])
    assert bench.prove(None, waits=lambda: next(looks)) == 1
    assert bench.proof == PROVEN and not bench.ended and not list(looks)


def test_an_outage_is_outlasted_and_told(bench: Bench) -> None:
    told: list[str] = []
    assert bench.prove(AWAY, None, sleep=lambda seconds: told.append(bench.proof)) == 2
    assert "Timed out waiting for a node" in told[0] and bench.proof == PROVEN and not bench.ended


def test_a_connector_that_is_missing_ends_the_driver_with_the_cause(bench: Bench) -> None:
    bench.prove(NO_CLASS)
    ((reason, error),) = bench.ended
    assert reason is Exit.FAILED and "the rehearsal without input failed" in error and "NoClassDefFoundError" in error


def test_a_batch_that_landed_proves_more(bench: Bench) -> None:
    bench.batches.landed = True
    assert bench.prove(NO_CLASS) == 0 and not bench.ended and not bench.proof


class Meanwhile(Batches[object]):
    """Its batches land, or fail, without a source."""

    def _land(self, rows: object, batch_id: int) -> None:
        if rows is None:
            raise ValueError("a batch that fails")
        self.landed = True


@pytest.mark.parametrize("rows", ["lands", None])
def test_a_batch_that_lands_or_fails_meanwhile_says_more(bench: Bench, rows: object) -> None:
    bench.batches = Meanwhile(None, ARGS)  # type: ignore[arg-type]
    with suppress(ValueError):
        bench.batches(rows, 0)  # type: ignore[arg-type]
    Proof(ARGS, bench.batches, bench.store, bench.fails, lambda *how: bench.ended.append(how))._tried()
    assert not bench.ended
    with suppress(ValueError):
        bench.batches(rows, 1)  # type: ignore[arg-type]
    assert not isinstance(bench.batches.failure, Closed), "a driver that works is not closed by its rehearsal"


def test_nothing_lands_after_a_rehearsal_that_failed(bench: Bench) -> None:
    bench.batches = Meanwhile(None, ARGS)  # type: ignore[arg-type]
    bench.prove(NO_CLASS)
    with pytest.raises(Closed):
        bench.batches("lands", 0)  # type: ignore[arg-type]
    assert len(bench.ended) == 1
