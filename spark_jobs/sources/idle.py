"""Read a topic without new lines through Spark's connector, on the executors: its last record, and one offset beyond its end.

The offset beyond the end is what makes it work on an empty topic, too: it is planned as one record, so an executor loads the connector,
opens a consumer and asks the broker for the partition. It then finds that the offset is not there, which is no data loss here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_jobs.sources.kafka import Reads, connector

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

POLL_MS = 200  # how long a consumer waits for records that are not there; then it asks where the partition ends, and waits for that
GROUP = "spark-kafka-source"  # as the stream's consumers: a broker with rights may allow no other group


class LastRange(NamedTuple):
    """The offsets of a topic's last record; empty if there is none to read."""

    partition: int
    start: int
    end: int


def last_range(args: Reads, begins: Mapping[int, int], ends: Mapping[int, int]) -> LastRange:
    """Return the range of a topic's last record; empty from the second epoch on (see `last_lines`). Offsets are by partition."""
    partition, end = _fullest(ends)
    return LastRange(partition, max(begins[partition], end - int(args.epoch == 1)), end)


def last_lines(spark: SparkSession, args: Reads, ends: Mapping[str, Mapping[int, int]]) -> DataFrame:
    """Return the last record of each topic that has one, as Spark's Kafka source returns it. `ends` are offsets by topic and partition.

    From the second epoch on no record is returned: the last one may be of a batch that an operator left out, and fail every attempt.
    """
    chosen, back = {topic: _fullest(offsets) for topic, offsets in ends.items()}, int(args.epoch == 1)
    starts = {topic: {str(number): max(0, end - back)} for topic, (number, end) in chosen.items()}
    beyond = {topic: {str(number): end + 1} for topic, (number, end) in chosen.items()}
    reader: Any = connector(spark.read, args)
    found: DataFrame = (
        reader.option("assign", json.dumps({topic: [number] for topic, (number, _) in chosen.items()}))
        .option("startingOffsets", json.dumps(starts))
        .option("endingOffsets", json.dumps(beyond))
        .option("failOnDataLoss", "false")  # the offset beyond the end is not there, and retention may have taken the last record
        .option("kafkaConsumer.pollTimeoutMs", POLL_MS)
        .option("groupIdPrefix", GROUP)
        .load()
    )
    return found


def _fullest(offsets: Mapping[int, int]) -> tuple[int, int]:
    """Return the partition with the largest end offset, and that offset: one that has a record, if any has. One is enough: rights and
    settings are those of the topic."""
    return max(sorted(offsets.items()), key=lambda item: item[1])
