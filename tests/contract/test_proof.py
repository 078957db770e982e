"""The rehearsal of an attempt without input, on a real Spark and a real Kafka: nothing to read, a last record, a broker without a topic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

from spark_jobs.counts.counting import counting
from spark_jobs.counts.deltas import Deltas
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.store import DeltaTables
from spark_jobs.runtime import proof
from spark_jobs.runtime.batches import Tools
from spark_jobs.runtime.contract import CassandraAddress, Exit, JobArguments
from spark_jobs.runtime.ending import explain
from spark_jobs.runtime.store import CassandraStore as DriversStore
from tests.parts import make_topic
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker
from weir.testing import MemoryStore

pytestmark = pytest.mark.stack
JOB = counting(CountsOptions)


def arguments(settings: Settings, several: bool = False) -> JobArguments:
    """Those of an attempt that reads a new, empty topic."""
    topic = f"idle-{uuid4().hex[:8]}"
    make_topic(settings, topic, 2)
    args = JobArguments("job", 1, 1, "v1", "", settings.kafka, topic, CassandraAddress(("host",)))
    return replace(args, topic="", topics={topic: KafkaBroker(settings.kafka).topic_id(topic)}) if several else args


def rehearsed(spark: SparkSession, args: JobArguments) -> list[Any]:
    """The batches that were evaluated."""
    tools, found, store = Tools(JOB, spark, args), list[Any](), MemoryStore()
    evaluate = tools.evaluate
    tools.evaluate = lambda *batch: found.append(evaluate(*batch)) or found[-1]  # type: ignore[func-returns-value]
    proof.rehearse(args, tools, store, Deltas(store, 1))
    return found


@pytest.mark.parametrize("several", [False, True])
def test_an_empty_topic_is_read_and_has_no_line(spark: SparkSession, real_kafka: Settings, several: bool) -> None:
    (counted,) = rehearsed(spark, arguments(real_kafka, several))
    assert counted.totals.lines == 0


def test_the_last_record_goes_through_the_parser(spark: SparkSession, real_kafka: Settings) -> None:
    from confluent_kafka import Producer

    args = arguments(real_kafka)
    producer = Producer({"bootstrap.servers": real_kafka.kafka})
    for line in (b"no log line", b"[Mon Jul 13 10:00:00 2026] [error] it broke"):
        producer.produce(args.topic, line, b"web", 1)
    assert producer.flush(30) == 0
    (counted,) = rehearsed(spark, args)
    assert counted.totals.levels == {"error": 1} and counted.totals.lines == 1


def test_a_record_from_before_the_epoch_is_not_rehearsed(spark: SparkSession, real_kafka: Settings) -> None:
    """It may be what was quarantined, and would fail every attempt of a stream that waits for input."""
    from confluent_kafka import Producer

    args = replace(arguments(real_kafka), epoch=2)
    producer = Producer({"bootstrap.servers": real_kafka.kafka})
    producer.produce(args.topic, b"poison", b"web", 1)
    assert producer.flush(30) == 0
    (counted,) = rehearsed(spark, args)
    assert counted.totals.lines == 0


def test_a_topic_that_is_not_there_is_an_outage(spark: SparkSession, real_kafka: Settings) -> None:
    with pytest.raises(Exception, match="UnknownTopicOrPartition") as failed:
        rehearsed(spark, replace(arguments(real_kafka), topic="nowhere"))
    assert explain(failed.value)[0] is Exit.LOST


def test_reaching_the_store_changes_nothing_that_is_read(real_store: Any, job: str) -> None:
    driver = DriversStore(real_store.session)
    driver.touch(job)
    Deltas(DeltaTables(real_store.session), 4).rehearse(job)
    driver.put_proof(job, 1, "proven")
    assert [row.proof for row in real_store.attempts(job)] == ["proven"]
    assert not real_store.hours(job) and not driver.days(job) and not list(real_store.ledger(job))
