"""Read lines, and make events of them: `web error 250` is a service, a level and a time in ms."""

from __future__ import annotations

from urllib.parse import urlsplit

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def read(spark: SparkSession, source: str) -> DataFrame:
    """Return a stream of lines with the columns `timestamp` and `value`. A socket and Kafka give the time of arrival.

    `source` is socket://HOST:PORT, kafka://SERVERS/TOPIC, or a folder of JSON files with both fields; each file is a batch.
    """
    where, stream = urlsplit(source), spark.readStream
    if where.scheme == "socket":
        lines = stream.format("socket").option("host", where.hostname or "").option("port", where.port or 0)
        return lines.option("includeTimestamp", True).load().select("timestamp", "value")
    if where.scheme == "kafka":
        topic = stream.format("kafka").option("kafka.bootstrap.servers", where.netloc).option("subscribe", where.path.strip("/"))
        return topic.option("startingOffsets", "earliest").load().select("timestamp", F.col("value").cast("string"))
    return stream.schema("timestamp TIMESTAMP, value STRING").option("maxFilesPerTrigger", 1).json(source)


def events(lines: DataFrame, late: str = "0 seconds") -> DataFrame:
    """Return the events of lines. One that is older by more than `late` than the newest of the batches before may be dropped."""
    word = F.split("value", " ")
    return lines.withWatermark("timestamp", late).select(
        "timestamp", F.get(word, 0).alias("service"), F.get(word, 1).alias("level"), F.get(word, 2).try_cast("int").alias("ms"), "value"
    )
