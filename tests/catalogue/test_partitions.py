"""Partitions are read in parallel: a batch has a task for each partition of each topic, as Spark's status tracker counts them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.parts import local_spark, make_topic, running
from tests.spark.conftest import CONF
from weir.settings import Settings

WITHIN_S = 300
PARTITIONS = {"one": 1, "two": 2, "four": 4}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    from confluent_kafka import Producer

    with running(tmp_path_factory.mktemp("partitions"), "kafka") as settings:
        producer = Producer({"bootstrap.servers": settings.kafka})
        for topic, partitions in PARTITIONS.items():
            make_topic(settings, topic, partitions)
            for number in range(100 * partitions):
                producer.produce(topic, str(number).encode(), partition=number % partitions)
        assert producer.flush(60) == 0
        yield settings


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    with local_spark({**CONF, "spark.driver.memory": "700m"}) as session:
        yield session


def tasks_and_rows(spark: SparkSession, kafka: Settings, home: Path, topics: str, **options: str) -> tuple[int, int]:
    """Read all that topics have in one batch, and return the number of its tasks and of its records."""
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", kafka.kafka).option("subscribe", topics)
    writer = source.option("startingOffsets", "earliest").options(**options).load().writeStream.format("noop")
    query = writer.option("checkpointLocation", (home / "checkpoint").as_uri()).trigger(availableNow=True).start()
    assert query.awaitTermination(WITHIN_S)
    tracker = spark.sparkContext.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(str(query.runId))]
    (stage,) = (tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds)
    assert stage and stage.numCompletedTasks == stage.numTasks
    return stage.numTasks, sum(batch["numInputRows"] for batch in query.recentProgress)


@pytest.mark.parametrize(("topics", "partitions"), [("one", 1), ("two", 2), ("four", 4), ("one,two,four", 7)])
def test_a_batch_has_a_task_for_each_partition(spark: SparkSession, kafka: Settings, tmp_path: Path, topics: str, partitions: int) -> None:
    assert tasks_and_rows(spark, kafka, tmp_path, topics) == (partitions, 100 * partitions)


def test_one_partition_is_cut_into_several_tasks_if_wanted(spark: SparkSession, kafka: Settings, tmp_path: Path) -> None:
    assert tasks_and_rows(spark, kafka, tmp_path, "one", minPartitions="4") == (4, 100)
