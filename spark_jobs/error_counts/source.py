"""The topic as Spark reads it: as a stream, and once more in parts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs.contract import JobArguments
from spark_jobs.protocol import Offsets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FETCH = {
    # The consumer's defaults are 500 records a poll and 1 MiB a partition: a third more CPU for reading alone, half as fast.
    "kafka.max.poll.records": "5000",
    "kafka.max.partition.fetch.bytes": str(2 * 1024**2),
    "kafka.fetch.max.bytes": str(64 * 1024**2),
    "kafka.receive.buffer.bytes": str(1024**2),
}


def session() -> SparkSession:
    """Times are read in UTC and then moved to the spec's zone: the machine's own zone must not matter."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()


def stream(spark: SparkSession, args: JobArguments) -> DataFrame:
    """The topic as a stream. An epoch begins at `starting_offsets`; after that the checkpoint says where to go on."""
    reader = spark.readStream.format("kafka").options(**FETCH).option("kafka.bootstrap.servers", args.bootstrap_servers)
    return (
        reader.option("subscribe", args.topic)
        .option("startingOffsets", _by_topic(args, args.starting_offsets))
        .option("failOnDataLoss", "true")  # lines that are gone are a verdict for a person, not a warning in a log
        .option("maxOffsetsPerTrigger", args.max_lines_per_batch)
        .load()
    )


def values(
    spark: SparkSession, args: JobArguments, places: Iterable[tuple[int, int]], most_bytes: int
) -> dict[tuple[int, int], tuple[bytes, int]]:
    """The first bytes of the records at these partitions and offsets, read once more, and when they were appended (ms). What is gone by
    now is not there."""
    offsets: dict[int, list[int]] = {}
    for partition, offset in places:
        offsets.setdefault(partition, []).append(offset)
    records = _part(spark, args, {p: min(o) for p, o in offsets.items()}, {p: max(o) + 1 for p, o in offsets.items()})
    wanted = reduce(or_, ((F.col("partition") == p) & F.col("offset").isin(o) for p, o in offsets.items()))
    sample = F.substring("value", 1, most_bytes), F.unix_millis("timestamp")
    rows = records.where(wanted).select("partition", "offset", *sample).collect()
    return {(partition, offset): (bytes(value or b""), append_ms) for partition, offset, value, append_ms in rows}


class TopicWatch:
    """Is the topic still the one that the epoch counts? A topic that was made again under the same name, and filled beyond the offsets of
    the old one before Spark looked, looks just like one that went on. Asked by the client that Spark brings: 3 ms a batch."""

    def __init__(self, spark: SparkSession, args: JobArguments) -> None:
        jvm: Any = spark._jvm
        settings = jvm.java.util.Properties()
        settings.put("bootstrap.servers", args.bootstrap_servers)
        self._topic, self._names = args.topic, jvm.java.util.Collections.singletonList(args.topic)
        self._admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(settings)

    def topic_id(self) -> str:
        """Raises Py4JJavaError if the broker does not answer or has no such topic."""
        return as_kept(str(self._admin.describeTopics(self._names).allTopicNames().get().get(self._topic).topicId().toString()))


def as_kept(topic_id: str) -> str:
    """A topic's id of Kafka's Java client as the head keeps it, in the letters of librdkafka: the first writes `-` and `_` where the second
    writes `+` and `/`. Half of all ids have one of them: taken for another topic, each batch of such a topic was refused."""
    return topic_id.replace("-", "+").replace("_", "/")


def _part(spark: SparkSession, args: JobArguments, start: Offsets, end: Offsets) -> DataFrame:
    reader = spark.read.format("kafka").options(**FETCH).option("kafka.bootstrap.servers", args.bootstrap_servers)
    return (
        reader.option("assign", json.dumps({args.topic: sorted(start)}))
        .option("startingOffsets", _by_topic(args, start))
        .option("endingOffsets", _by_topic(args, end))
        .option("failOnDataLoss", "false")  # for samples
        .load()
    )


def _by_topic(args: JobArguments, offsets: Offsets) -> str:
    return json.dumps({args.topic: {str(p): o for p, o in offsets.items()}})
