"""A driver that waits: what it waits for, when it ends, and what it is once it was called up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from spark_jobs.counts.counting import counting
from spark_jobs.counts.options import CountsOptions
from spark_jobs.runtime import driver, proof, rehearsal, standby
from spark_jobs.runtime.contract import CassandraAddress, Exit, JobArguments
from spark_jobs.runtime.faults import Cause, Fault, OutOfPatience
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.sources import kafka as source
from weir.ports.jobs import JobRow
from weir.ports.standbys import StandbyRow
from weir.testing import MemoryStore

JOB, COUNTING = "counts", counting(CountsOptions)
CALLED = JobArguments(JOB, 2, 1, "v1", "file:///c/2", "kafka", "logs", CassandraAddress(("host",)), starting_offsets={0: 7})
ARGS = replace(CALLED, attempt=0, checkpoint="", standby="1")
WANTED = JobRow(JOB, 1, "running", "v1", "{}", "ana", "", 1)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.session = SimpleNamespace(patience_s=standby.PATIENCE_S)  # type: ignore[attr-defined]
    assert made.set_job(None, WANTED)
    made.put_standby(JOB, StandbyRow("1", "v1", 1, "driver-1"))
    return made


def waits(store: MemoryStore, happens: Callable[[], object]) -> JobArguments | None:
    """What comes of waiting, if that happens at its third look."""
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        assert len(looks) < 2 * standby.DESIRED_EVERY, "it waits for ever"
        if len(looks) == 3:
            happens()

    return standby.wait(store, ARGS, "me", sleep)


def test_it_says_that_it_is_ready_and_gets_the_arguments_of_its_attempt(store: MemoryStore) -> None:
    assert waits(store, lambda: store.call_up(JOB, "1", 2, CALLED.to_argv()[0])) == CALLED
    row = store.standbys(JOB)[0]
    assert row.ready_at and row.incarnation == "me"


@pytest.mark.parametrize(
    "happens",
    [
        lambda store: store.retire(JOB, "1", 5),
        lambda store: store.set_job(WANTED, replace(WANTED, revision=2, desired="stopped")),
        lambda store: store._standbys.clear(),
    ],
    ids=["retired", "the job is to stop", "an older copy of the store"],
)
def test_it_ends_when_there_is_nothing_to_wait_for(store: MemoryStore, happens: Callable[[MemoryStore], object]) -> None:
    assert waits(store, lambda: happens(store)) is None


def test_it_ends_with_its_jvm(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([77, 77, 77, 77, 1, 1])
    monkeypatch.setattr(standby.os, "getppid", lambda: next(parents))
    assert waits(store, lambda: None) is None


def test_orders_stand_though_it_was_retired_at_the_same_moment(store: MemoryStore) -> None:
    def both() -> None:
        store.retire(JOB, "1", 5)
        store.call_up(JOB, "1", 2, CALLED.to_argv()[0])

    assert waits(store, both) == CALLED


@pytest.fixture
def ran(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[JobArguments]:
    """The attempts that `main` was the driver of, without Spark."""
    found: list[JobArguments] = []
    monkeypatch.setattr(driver.CassandraStore, "connect", lambda address, patience_s: store)
    monkeypatch.setattr(source, "session", lambda: None)
    monkeypatch.setattr(driver, "Tools", lambda job, spark, args: None)
    monkeypatch.setattr(rehearsal, "rehearse", lambda tools, args: None)
    monkeypatch.setattr(proof, "rehearse", lambda args, tools, store, sink: None)
    monkeypatch.setattr(driver, "run", lambda job, args, store, incarnation, tools: found.append(args) or Exit.SUPERSEDED)  # type: ignore[func-returns-value]
    return found


def test_once_called_up_it_is_the_driver_of_that_attempt_and_as_patient(store: MemoryStore, ran: list[JobArguments]) -> None:
    store.call_up(JOB, "1", 2, CALLED.to_argv()[0])
    assert driver.main(COUNTING, ARGS.to_argv()) is Exit.SUPERSEDED
    assert ran == [CALLED] and store.session.patience_s is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kafka", "kept"), [("kafka", True), ("elsewhere", False)])
def test_what_it_rehearsed_with_is_for_the_same_broker(
    store: MemoryStore, ran: list[JobArguments], kafka: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, given = object(), []
    monkeypatch.setattr(driver, "Tools", lambda job, spark, args: tools)
    monkeypatch.setattr(driver, "run", lambda job, args, store, incarnation, tools: given.append(tools) or Exit.SUPERSEDED)
    store.call_up(JOB, "1", 2, replace(CALLED, bootstrap_servers=kafka, kafka=KafkaAddress(kafka)).to_argv()[0])
    assert driver.main(COUNTING, ARGS.to_argv()) is Exit.SUPERSEDED
    assert given == [tools if kept else None]


def test_one_that_is_not_needed_ends_without_a_word(store: MemoryStore, ran: list[JobArguments]) -> None:
    store.retire(JOB, "1", 5)
    assert driver.main(COUNTING, ARGS.to_argv()) is Exit.STOPPED
    assert ran == [] and store.attempts(JOB) == []


@pytest.mark.parametrize(
    ("failure", "how"),
    [(OutOfPatience(Fault(Cause.NO_ANSWER, "Cassandra does not answer"), 10.0), Exit.LOST), (RuntimeError("no brokers"), Exit.FAILED)],
)
def test_one_that_fails_leaves_no_trace_of_an_attempt(
    store: MemoryStore, ran: list[JobArguments], failure: Exception, how: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise failure

    monkeypatch.setattr(rehearsal, "rehearse", fails)
    assert driver.main(COUNTING, ARGS.to_argv()) is how
    assert ran == [] and store.attempts(JOB) == [] and not store.standbys(JOB)[0].ready_at
