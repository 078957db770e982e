"""What real-time mode does with Kafka: rows leave before their batch ends, and little else is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import IllegalArgumentException, StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.parts import local_spark, make_topic, running, until
from tests.spark.conftest import CONF
from weir.settings import Settings

WITHIN_S = 300
LONG = "5 minutes"  # a batch lasts so long, and is committed at its end


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(tmp_path_factory.mktemp("real-time"), "kafka") as settings:
        for topic in ("in", "out"):
            make_topic(settings, topic, 2)
        yield settings


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    with local_spark({**CONF, "spark.driver.memory": "700m"}) as session:
        yield session


def records(spark: SparkSession, kafka: Settings) -> DataFrame:
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", kafka.kafka).option("subscribe", "in")
    return source.option("startingOffsets", "earliest").load()


def started(frame: DataFrame, sink: str, checkpoint: Path, interval: str = LONG, **options: str) -> Any:
    writer = frame.writeStream.outputMode("update").format(sink).options(**options).trigger(realTime=interval)
    return writer.option("checkpointLocation", checkpoint.as_uri()).start()


def test_a_row_leaves_before_its_batch_is_committed(spark: SparkSession, kafka: Settings, tmp_path: Path) -> None:
    from confluent_kafka import Consumer, Producer

    levels = spark.createDataFrame([("error",)], "level STRING")
    level = F.split(F.col("value").cast("string"), " ")[1]
    errors = records(spark, kafka).withColumn("level", level).join(F.broadcast(levels), "level").select("key", "value")
    query = started(errors, "kafka", tmp_path, **{"kafka.bootstrap.servers": kafka.kafka, "topic": "out"})
    producer = Producer({"bootstrap.servers": kafka.kafka})
    producer.produce("in", b"web error 250")
    producer.produce("in", b"web notice 80")
    assert producer.flush(60) == 0
    consumer = Consumer({"bootstrap.servers": kafka.kafka, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe(["out"])
    found = until(lambda: consumer.poll(1), "the row leaves", WITHIN_S)
    assert found.value() == b"web error 250"
    assert not list((tmp_path / "commits").glob("[0-9]*"))
    assert query.isActive
    query.stop()
    consumer.close()


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda rows: rows.groupBy(F.window("timestamp", "5 seconds")).count(), "HashAggregateExec"),
        (lambda rows: rows.withWatermark("timestamp", "1 minute").dropDuplicatesWithinWatermark(["value"]), "StreamingDeduplicate"),
        (lambda rows: rows.select(F.udf(str)("value")), "EvalPython"),
    ],
)
def test_windows_state_and_python_are_refused(
    spark: SparkSession, kafka: Settings, tmp_path: Path, function: Callable[[DataFrame], DataFrame], operator: str
) -> None:
    with pytest.raises(StreamingQueryException, match=rf"(?s)OPERATOR_OR_SINK_NOT_IN_ALLOWLIST.*{operator}"):
        started(function(records(spark, kafka)), "console", tmp_path).awaitTermination(WITHIN_S)


def test_foreach_batch_and_short_batches_are_refused(spark: SparkSession, kafka: Settings, tmp_path: Path) -> None:
    with pytest.raises(IllegalArgumentException, match="ForeachBatchSink is not in the sink allowlist"):
        records(spark, kafka).writeStream.outputMode("update").foreachBatch(lambda *_: None).trigger(realTime=LONG).start()
    with pytest.raises(IllegalArgumentException, match="less than the 5000 ms minimum"):
        started(records(spark, kafka).select("value"), "console", tmp_path, "1 second")
