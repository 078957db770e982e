"""Read topics through Spark: as a stream, and single records again."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from py4j.protocol import Py4JJavaError

from spark_jobs.protocol.partition import Offsets, is_folder
from spark_jobs.sources import native_jar, pace

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COMMITTED = {"isolation.level": "read_committed"}  # lines of a transaction that was aborted, or is still open, are not read
CONSUMER = {
    # A start makes a consumer for each partition, and these two took as long as the rest of it. Their output is not used.
    "enable.metrics.push": "false",
    "auto.include.jmx.reporter": "false",
    # Only what is known to be there is read. A consumer reads ahead all the same, and the broker answers nothing else that it asks, such as
    # where the topic ends, until that has waited half a second for lines that are not: a batch that reached the end of a quiet topic took
    # 0.6 s for every partition, 2.5 s of a standby's first batch.
    "fetch.max.wait.ms": "10",
    **COMMITTED,
}
FETCH = {
    # The default is 500, which costs more calls. With 5000, and 2 MiB of a partition instead of the default of 1 MiB, the native engine
    # used 100 MiB more memory, and twice the time for garbage collection. On a busy machine reading took a fifth more CPU, too.
    "kafka.max.poll.records": "2000",
    "kafka.fetch.max.bytes": str(64 * 1024**2),
    "kafka.receive.buffer.bytes": str(1024**2),
    **{f"kafka.{name}": value for name, value in CONSUMER.items()},
}
NO_OTHER = {"auto.offset.reset": "none", "enable.auto.commit": "false"}  # fail on a deleted record; do not jump to another offset
READING = {**{name.removeprefix("kafka."): value for name, value in FETCH.items()}, **NO_OTHER}  # settings of the native engine's consumers
AGAIN = {
    "key.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer",
    "value.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer",
    **NO_OTHER,
    **CONSUMER,
}
PATIENCE_S = 5.0  # for samples; the counts do not wait for them longer
BY_BROKER = 1  # the type of a timestamp that the broker set (LogAppendTime); all others are its producer's word
SLOT_MS = 3_600_000  # a bound for arrivals is a literal in generated code, which is compiled anew for each: once an hour
PACED = "weir.kafka.Paced"  # Spark's source, with batches of changing size: Paced.java
FIXED = 250_000  # lines of a batch of Spark's own source: one of 419,000 landed 35 s after a kill
LOG = logging.getLogger("weir.driver")


class Reads(Protocol):
    """The part of a driver's arguments that says what to read, and from where."""

    @property
    def epoch(self) -> int: ...
    @property
    def kafka_options(self) -> Mapping[str, str]: ...  # of a client in Java, with the servers
    @property
    def several(self) -> bool: ...
    @property
    def ids(self) -> Mapping[str, str]: ...
    @property
    def topic_pattern(self) -> str: ...
    @property
    def start(self) -> Offsets: ...
    @property
    def max_lines_per_batch(self) -> int: ...


def session() -> SparkSession:
    """Return the Spark session, in UTC: times are then moved to the spec's zone, so the machine's own zone does not matter."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()


def connector(reader: Any, args: Reads) -> Any:
    """Return a reader of a session (`read` or `readStream`) that uses Spark's Kafka source, with the settings of every such reader here."""
    return reader.format("kafka").options(**FETCH, **{f"kafka.{name}": value for name, value in args.kafka_options.items()})


class Pace:
    """Set the size of the next batch from the speed of the last. Without the native jar the size is fixed."""

    def __init__(self, spark: SparkSession, most: int) -> None:
        jvm: Any = spark._jvm
        self._most, self._limit = most, min(most, pace.FIRST)
        self._paced = jvm.weir.kafka.Paced if native_jar.is_there(jvm) else None
        self._set()

    @property
    def source(self) -> tuple[str, int]:
        """Return the source's name for Spark, and its `maxOffsetsPerTrigger`, which `Paced` ignores."""
        return (PACED, self._most) if self._paced else ("kafka", min(self._most, FIXED))

    def landed(self, lines: int, seconds: float) -> None:
        """Set the limit after a batch that landed."""
        self._limit = pace.next_limit(self._limit, lines, seconds, self._most)
        self._set()

    def _set(self) -> None:
        if self._paced:
            self._paced.limit(self._limit)


def stream(spark: SparkSession, args: Reads, paced: Pace) -> DataFrame:
    """Return the topics as a stream. An epoch begins at `start`; after that the checkpoint says where to continue."""
    subscribed = ("subscribePattern", args.topic_pattern) if args.topic_pattern else ("subscribe", ",".join(sorted(args.ids)))
    name, most = paced.source
    return read(connector(spark.readStream, args).format(name), subscribed, starting(args), most)


def read(reader: Any, subscribed: tuple[str, str], starts: Mapping[str, Mapping[str, int]], most: int) -> DataFrame:
    """Return the topics of a subscription as a stream that begins at `starts` and reads at most so many records a batch."""
    found: DataFrame = (
        reader.option(*subscribed)
        .option("startingOffsets", json.dumps(starts))
        .option("failOnDataLoss", "true")  # deleted lines are a verdict for an operator, not a warning in a log
        .option("maxOffsetsPerTrigger", most)
        .load()
    )
    return found


def starting(args: Reads) -> Mapping[str, Mapping[str, int]]:
    """Return where the epoch begins, by topic and partition, as Spark's option `startingOffsets` takes it."""
    found: dict[str, dict[str, int]] = {name: {} for name in args.ids}
    names = {source: name for name, source in args.ids.items()}
    for partition, offset in args.start.items():
        found[names[partition.source]][str(partition.number)] = offset
    return found


def arrived_by(now_ms: int) -> int:
    """Return a time (ms) by which all records that can be read now have arrived: the end of the present hour."""
    return now_ms - now_ms % SLOT_MS + SLOT_MS


def arrivals(records: DataFrame, by_ms: int) -> DataFrame:
    """Replace timestamps that producers set by what is known of the arrival: no later than `by_ms`.

    Kafka's default is CreateTime: a producer that dated one record 2099 closed every pane. A record without a time counts as arrived then.
    """
    from pyspark.sql import functions as F

    said, most = F.col("timestamp"), F.timestamp_millis(F.lit(by_ms))
    bounded = F.when(said > F.timestamp_millis(F.lit(0)), F.least(said, most)).otherwise(most)
    return records.withColumn("timestamp", F.when(F.col("timestampType") == BY_BROKER, said).otherwise(bounded))


class TopicWatch:
    """Look up topic ids, to notice a replaced topic: one that was created again under the same name, and filled beyond the offsets of the
    old one before Spark looked, looks the same to Spark. With the client that Spark brings it takes 3 ms a batch. Names of folders are left
    out of every answer, and a job that reads no topic needs no Kafka.
    """

    def __init__(self, spark: SparkSession, args: Reads) -> None:
        self._jvm: Any = spark._jvm
        self._args = args

    @cached_property
    def _admin(self) -> Any:
        """Connect when it is asked about a topic for the first time."""
        return self._jvm.org.apache.kafka.clients.admin.AdminClient.create(_settings(self._jvm, self._args, {}))

    def ids(self, names: Iterable[str]) -> dict[str, str]:
        """Return the ids of topics by name, with one request. Raises Py4JJavaError if the broker does not answer or lacks one of them."""
        return {name: as_kept(str(topic.topicId().toString())) for name, topic in self._described(names).items()}

    def ends(self, names: Iterable[str]) -> dict[str, dict[int, int]]:
        """Return the end offsets of topics by name and partition. Raises as `ids` does."""
        return self._offsets(names, self._jvm.org.apache.kafka.clients.admin.OffsetSpec.latest())

    def begins(self, names: Iterable[str]) -> dict[str, dict[int, int]]:
        """Return the offsets of the first records that are kept, by topic name and partition. Raises as `ids` does."""
        return self._offsets(names, self._jvm.org.apache.kafka.clients.admin.OffsetSpec.earliest())

    def _offsets(self, names: Iterable[str], which: Any) -> dict[str, dict[int, int]]:
        asked = self._jvm.java.util.HashMap()
        sizes = {name: int(topic.partitions().size()) for name, topic in self._described(names).items()}
        at = {name: [self._jvm.org.apache.kafka.common.TopicPartition(name, n) for n in range(size)] for name, size in sizes.items()}
        for partition in (each for partitions in at.values() for each in partitions):
            asked.put(partition, which)
        if not at:
            return {}
        answer = self._admin.listOffsets(asked).all().get()
        return {name: {n: int(answer.get(each).offset()) for n, each in enumerate(partitions)} for name, partitions in at.items()}

    def _described(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the descriptions of topics by name, with one request."""
        asked, wanted = self._jvm.java.util.ArrayList(), sorted(name for name in names if not is_folder(name))
        if not wanted:
            return {}
        for name in wanted:
            asked.add(name)
        answer = self._admin.describeTopics(asked).allTopicNames().get()
        return {name: answer.get(name) for name in wanted}


def as_kept(topic_id: str) -> str:
    """Convert a topic id of Kafka's Java client to the letters of librdkafka, as the head has it.

    The first writes `-` and `_` where the second writes `+` and `/`. Half of all ids have one of them: each batch of such a topic was
    refused as another topic's.
    """
    return topic_id.replace("-", "+").replace("_", "/")


Place = tuple[str, int, int]  # topic, number of the partition, offset


class Records:
    """Reads single records again, with the client that Spark brings. As a query of Spark they took 2.5 s of a start."""

    def __init__(self, spark: SparkSession, args: Reads) -> None:
        self._jvm: Any = spark._jvm
        self._consumer = self._jvm.org.apache.kafka.clients.consumer.KafkaConsumer(_settings(self._jvm, args, AGAIN))

    def values(self, places: Iterable[Place], most_bytes: int, by_ms: int) -> dict[Place, tuple[bytes, int]]:
        """Return the first bytes of the records at these places, and when they arrived (ms), as `arrivals` has it.

        Records that were deleted, or do not arrive within PATIENCE_S, are left out.
        """
        end = time.monotonic() + PATIENCE_S
        found: dict[Place, tuple[bytes, int]] = {}
        polled, partition, first, size = None, ("", -1), 0, 0
        for place in sorted(places):
            n = place[2] - first
            if polled is None or place[:2] != partition or not 0 <= n < size or polled.get(n).offset() != place[2]:
                polled, partition, first, n = self._poll(*place, end), place[:2], place[2], 0
                size = polled.size()
            if size and (record := polled.get(n)).offset() == place[2]:
                found[place] = bytes(record.value() or b"")[:most_bytes], _arrival(record, by_ms)
        return found

    def _poll(self, topic: str, partition: int, offset: int, end: float) -> Any:
        """Return the next records that the broker sends at once, as a Java list; empty if they were deleted, or the time is over."""
        wait, at = max(0, int((end - time.monotonic()) * 1000)), self._jvm.org.apache.kafka.common.TopicPartition(topic, partition)
        try:
            self._consumer.assign(self._jvm.java.util.Collections.singletonList(at))
            self._consumer.seek(at, offset)
            return self._consumer.poll(self._jvm.java.time.Duration.ofMillis(wait)).records(at)
        except Py4JJavaError as gone:
            LOG.warning("the record at offset %d of %s/%d cannot be read again: %s", offset, topic, partition, gone.java_exception)
            return self._jvm.java.util.Collections.emptyList()


def _arrival(record: Any, by_ms: int) -> int:
    """Return when a record of the Java client arrived (ms), as `arrivals` has it."""
    said = int(record.timestamp())
    if record.timestampType().id == BY_BROKER:
        return said
    return min(said, by_ms) if said > 0 else by_ms


def _settings(jvm: Any, args: Reads, more: Mapping[str, str]) -> Any:
    """Return the properties of a Kafka client in Java."""
    settings = jvm.java.util.Properties()
    for name, value in {**args.kafka_options, **more}.items():
        settings.put(name, value)
    return settings
