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


@pytest.mark.parametrize(("topics", "tasks"), [("one", 1), ("two", 2), ("four", 4), ("one,two,four", 7)])
def test_a_batch_has_a_task_for_each_partition(spark: SparkSession, kafka: Settings, tmp_path: Path, topics: str, tasks: int) -> None:
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", kafka.kafka).option("subscribe", topics)
    lines = source.option("startingOffsets", "earliest").load()
    checkpoint = (tmp_path / "checkpoint").as_uri()
    query = lines.writeStream.format("noop").option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    assert query.awaitTermination(WITHIN_S)
    tracker = spark.sparkContext.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(str(query.runId))]
    stages = [tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
    assert [(stage.numTasks, stage.numCompletedTasks) for stage in stages if stage] == [(tasks, tasks)]
    (batch,) = (one for one in query.recentProgress if one["numInputRows"])
    assert batch["numInputRows"] == 100 * tasks
