"""How a driver is told what to do, and how it says why it ends."""

from __future__ import annotations

import json
import queue
import sys
import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from cassandra import InvalidRequest, Unauthorized
from cassandra.protocol import ServerError
from py4j.protocol import Py4JError

from spark_jobs.counts.options import CountsOptions
from spark_jobs.landed.fenced import FencedSink
from spark_jobs.protocol.head import Batch, first_head, started, taken_over
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Broken, Diverged, Superseded
from spark_jobs.runtime import driver
from spark_jobs.runtime.batches import Batches, Closed
from spark_jobs.runtime.contract import CassandraAddress, Exit, JobArguments
from spark_jobs.runtime.ending import explain
from spark_jobs.sources.kafka import as_kept
from weir.ports.jobs import JobRow
from weir.testing import MemoryStore
from weir.testing.landed_sinks import MemorySink, Target

at = partial(of_source, "topic")  # offsets by partition


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Superseded("attempt 3"), Exit.SUPERSEDED),
        (Diverged("batch 7"), Exit.DIVERGED),
        (Broken("batch 7 does not add up"), Exit.FAILED),
        (ValueError("a line nobody thought of"), Exit.FAILED),
        (ConnectionRefusedError("[Errno 111] Connection refused"), Exit.LOST),
        (Py4JError("An error occurred while calling o81.collectToPython"), Exit.LOST),
        (Py4JError("An error occurred while calling o81.x. Trace:\nMethod x does not exist"), Exit.FAILED),
        (RuntimeError("Job aborted: java.lang.OutOfMemoryError: Java heap space"), Exit.OUT_OF_MEMORY),
        (RuntimeError("Job aborted: ExecutorLostFailure (executor 0 exited)"), Exit.LOST),
        (RuntimeError("org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node"), Exit.LOST),
        (RuntimeError("Lost task 0.0: org.apache.kafka.common.errors.KafkaStorageException: Disk error"), Exit.LOST),
        (RuntimeError("org.apache.kafka.common.KafkaException: Failed to construct kafka consumer"), Exit.LOST),
        (RuntimeError("org.apache.kafka.common.errors.CorruptRecordException: Record size is less than 14"), Exit.FAILED),
        (RuntimeError("terminated with exception: java.io.IOException: No space left on device"), Exit.LOST),
        (RuntimeError("x\nCaused by: java.net.UnknownHostException: broker-2"), Exit.LOST),
        (RuntimeError("org.apache.hadoop.fs.s3a.AWSStatus500Exception: Slow down"), Exit.LOST),
        (RuntimeError("bad line\n\tat java.net.URI.create(URI.java)\n\tat org.apache.hadoop.fs.Path.init(Path.java)"), Exit.FAILED),
        (RuntimeError("[KAFKA_DATA_LOSS.ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO] Some data may have been lost"), Exit.LOST),
        (RuntimeError("If startingOffsets contains specific offsets, you must specify all TopicPartitions."), Exit.LOST),
        (RuntimeError("[KAFKA_DATA_LOSS.START_OFFSET_RESET] Some data may have been lost"), Exit.FAILED),
        (RuntimeError("[CANNOT_LOAD_STATE_STORE.UNCATEGORIZED] x\nCaused by: java.io.FileNotFoundException: 7.delta"), Exit.STATE_LOST),
        (RuntimeError("[CANNOT_LOAD_STATE_STORE.UNCATEGORIZED] x\nCaused by: java.io.IOException: Stream is corrupted"), Exit.STATE_LOST),
        (RuntimeError("[CANNOT_LOAD_STATE_STORE.UNCATEGORIZED] x\n\tat java.net.URI.create(URI.java)"), Exit.STATE_LOST),
        (RuntimeError("[CANNOT_LOAD_STATE_STORE.UNCATEGORIZED] x\nCaused by: java.net.ConnectException: refused"), Exit.LOST),
        (RuntimeError("[CANNOT_LOAD_STATE_STORE.UNCATEGORIZED] x: org.apache.hadoop.net.ConnectTimeoutException: 20000 ms"), Exit.LOST),
        (RuntimeError("ExecutorLostFailure (executor 0 exited): [CANNOT_LOAD_STATE_STORE.UNCATEGORIZED]"), Exit.LOST),
        (OSError(28, "No space left on device"), Exit.LOST),
        (ServerError(0, "java.lang.RuntimeException", {}), Exit.LOST),
        (Unauthorized("no MODIFY permission"), Exit.LOST),
        (InvalidRequest("unknown column"), Exit.FAILED),
    ],
)
def test_an_outage_is_told_from_a_failure(failure: Exception, reason: Exit) -> None:
    assert explain(failure)[0] is reason


def test_the_text_names_what_happened() -> None:
    assert explain(ValueError("a line nobody thought of"))[1] == "ValueError: a line nobody thought of"


def test_a_driver_without_the_jars_of_the_kafka_source_says_what_to_do() -> None:
    reason, text = explain(TypeError("'JavaPackage' object is not callable"))  # seen where the cache had no such jar
    assert reason is Exit.FAILED and "WEIR_SPARK_JARS" in text and "'JavaPackage' object" in text


ARGS = JobArguments("counts", 1, 1, "v1", "file:///c", "kafka", "logs", CassandraAddress(("host",)))


@pytest.mark.parametrize(("replaced", "told"), [(False, Exit.LOST), (True, Exit.SUPERSEDED)])
def test_a_driver_that_was_replaced_while_it_slept_says_so(monkeypatch: pytest.MonkeyPatch, replaced: bool, told: Exit) -> None:
    """Its JVM has ended by the time that it wakes, which is not why it ends."""
    store = MemoryStore()
    first = first_head("counts", at({0: 0}), 1)
    mine = started(taken_over(first), "me")
    store.create_head(taken_over(mine) if replaced else mine)
    monkeypatch.setattr(driver.CassandraStore, "connect", lambda *args: store)
    assert driver._note_exit(ARGS, "me", Exit.LOST, "the JVM has ended", 7) is told
    assert store.attempts("counts")[0].exit_reason == told.name.lower()


def test_a_second_process_of_an_attempt_notes_no_end_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt's row is that of the one that is at work: it was called down, and replaced."""
    store = MemoryStore()
    store.create_head(started(taken_over(first_head("counts", at({0: 0}), 1)), "the first"))
    monkeypatch.setattr(driver.CassandraStore, "connect", lambda *args: store)
    assert driver._note_exit(ARGS, "the second", Exit.SUPERSEDED, "another process", -1) is Exit.SUPERSEDED
    assert [row.exit_reason for row in store.attempts("counts")] == []


def test_a_driver_whose_job_is_to_stop_lets_its_batch_land_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    store.create_head(started(taken_over(first_head("counts", at({0: 0}), 1)), "me"))
    running = JobRow("counts", 1, "running", "v1", "{}", "ana", "", 1)
    assert store.set_job(None, running)
    monkeypatch.setattr(driver.CassandraStore, "connect", lambda *args: store)
    monkeypatch.setattr(driver, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(driver, "COMMIT_S", 0.0)
    ended: queue.Queue[int] = queue.Queue()
    monkeypatch.setattr(driver.os, "_exit", lambda code: (ended.put(code), sys.exit(code)))
    batches, begun, go_on = Batches(None, ARGS), threading.Event(), threading.Event()  # type: ignore[arg-type]
    monkeypatch.setattr(batches, "_land", lambda lines, batch_id: (begun.set(), go_on.wait(30)))

    def until_exit() -> None:
        with suppress(SystemExit):
            driver._watch_for_exit(store, ARGS, "me", batches, FencedSink(MemorySink(Target())))

    batch = threading.Thread(target=batches, args=(None, 7))
    batch.start()
    assert begun.wait(30)
    threading.Thread(target=until_exit, daemon=True).start()
    assert store.set_job(running, replace(running, revision=2, desired="stopped"))
    with pytest.raises(queue.Empty):
        ended.get(timeout=0.2)  # it waits for the batch
    go_on.set()
    assert ended.get(timeout=30) is Exit.STOPPED
    assert store.attempts("counts")[0].exit_reason == "stopped" and batches.failure is None
    with pytest.raises(Closed):
        batches(None, 8)  # type: ignore[arg-type]
    assert explain(batches.failure) == (Exit.STOPPED, "") and batches.batch_id == -1  # type: ignore[arg-type]


def test_a_bundle_starts_with_the_arguments_of_a_later_supervisor() -> None:
    """The supervisor was renewed, the job was not deployed since: what its code does not know yet must not keep it from starting."""
    args = JobArguments("counts", 3, 1, "v1", "/c", "k:1", "logs", CassandraAddress(("h",)), topic_id="t", starting_offsets={0: 7})
    later = json.dumps({**json.loads(args.to_argv()[0]), "invented_later": 1})
    assert JobArguments.from_argv([later]) == args


RELEASED = (Path(__file__).parent / "released/arguments.json").read_text()  # written by commit adaf5c8


def test_a_bundle_of_the_release_starts_with_the_arguments_of_today() -> None:
    """After a rollback: it reads its options beside all else, and leaves out what it does not know."""
    args = JobArguments.from_argv([RELEASED])
    assert (args.topic, args.starting_offsets, args.typed(CountsOptions).pane_s) == ("logs", {0: 7, 1: 0}, 20)
    written, released = json.loads(args.to_argv()[0]), json.loads(RELEASED)
    assert {name: written[name] for name in released} == released


@dataclass(frozen=True)
class Own:
    topic: str = "none"
    depth: int = 3


def test_a_job_may_name_its_options_as_it_likes() -> None:
    args = JobArguments("mine", 3, 1, "v1", "/c", "k:1", "logs", CassandraAddress(("h",)), options={"topic": "cats", "more": 1})
    read = JobArguments.from_argv(args.to_argv())
    assert read == args and (read.topic, read.typed(Own)) == ("logs", Own("cats", 3))


@pytest.mark.parametrize(("counts", "is_now", "goes_on"), [("a", "a", True), ("a", "b", False), ("", "b", True)])
def test_a_topic_that_was_made_again_is_not_counted_as_the_old_one(counts: str, is_now: str, goes_on: bool) -> None:
    args = JobArguments("counts", 3, 1, "v1", "/c", "k:1", "logs", CassandraAddress(("h",)), topic_id=counts)
    batches = Batches(None, args)  # type: ignore[arg-type]
    batches.equip(SimpleNamespace(topics=SimpleNamespace(ids=lambda names: dict.fromkeys(names, is_now))))  # type: ignore[arg-type]
    with nullcontext() if goes_on else pytest.raises(Diverged, match="deleted and created again"):
        batches._same_topics(Batch(0, {}, of_source(counts, {0: 1})))


def test_the_two_clients_of_kafka_mean_the_same_topic() -> None:
    """Seen: every batch of a topic whose id has a `/` was refused, since Java writes it as `_`."""
    assert as_kept("6wGUwYAoRoi43t_O13DX-w") == "6wGUwYAoRoi43t/O13DX+w"
    assert as_kept("6wGUwYAoRoi43tcO13DX5w") == "6wGUwYAoRoi43tcO13DX5w"
