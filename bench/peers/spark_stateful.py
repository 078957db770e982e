"""Spark's own stateful window, as its guide has it, over Kafka: for `bench.peers`.

    spark_stateful.py BROKERS TOPIC HOME [CASSANDRA_HOST CASSANDRA_PORT]

It reads what the topic has and ends (`availableNow`). Each batch hands on the counts that it changed: they are kept here, or written to
Cassandra and read from there at the end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", *(f"trace{n}" for n in range(1, 9)))
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CONSUMER = {"kafka.max.poll.records": "2000", "kafka.max.partition.fetch.bytes": str(8 << 20), "kafka.receive.buffer.bytes": str(1 << 20)}
Cell = tuple[int, str, str, int]  # window start (ms), service, level, lines


def counts(spark: SparkSession, brokers: str, topic: str) -> DataFrame:
    """Return the stream of counts by window, service and level."""
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic)
    lines = reader.options(startingOffsets="earliest", **CONSUMER).load()
    line, in_time = F.col("value").cast("string"), F.col("time") <= F.col("timestamp") + F.expr("INTERVAL 1 HOUR")
    parsed = lines.select(F.col("key").cast("string").alias("service"), "timestamp", level(line).alias("level"), time(line).alias("time"))
    good = parsed.where(F.col("level").isin(*LEVELS) & in_time & line.startswith("[") & F.is_valid_utf8(line))
    window = F.window("time", "30 seconds", "10 seconds")
    return good.withWatermark("time", "1 minute").groupBy(window, "service", "level").count()


def level(line: Column) -> Column:
    """Return the level, in lower case."""
    name = F.substring_index(F.substring_index(line, "]", 2), "[", -1)  # core:error
    return F.lower(F.substring_index(name, ":", -1))


def time(line: Column) -> Column:
    """Return the time, in whole seconds: no window begins within one. Null if the calendar does not have it."""
    first, *others = ((F.substring(line, 6, 3) == name, F.lit(f"-{n:02}-")) for n, name in enumerate(MONTHS, 1))
    month = reduce(lambda cases, case: cases.when(*case), others, F.when(*first))
    year = F.right(F.substring_index(line, "] [", 1), F.lit(4))
    return F.concat(year, month, F.ltrim(F.substring(line, 10, 2)), F.substring(line, 12, 9)).try_cast("timestamp")


def cell(row: Row) -> Cell:
    return row["start"], row["service"], row["level"], row["count"]


def kept() -> tuple[Callable[[Sequence[Cell]], None], Callable[[], list[Cell]]]:
    """Return how counts are kept in this process, and how they are read."""
    cells: dict[tuple[int, str, str], int] = {}
    return lambda rows: cells.update({row[:3]: row[3] for row in rows}), lambda: [(*key, n) for key, n in cells.items()]


def stored(host: str, port: int, run: str) -> tuple[Callable[[Sequence[Cell]], None], Callable[[], list[Cell]]]:
    """Return how counts are written to Cassandra, and how they are read."""
    from cassandra.cluster import Cluster
    from cassandra.concurrent import execute_concurrent_with_args

    session = Cluster([host], port=port).connect()
    session.execute("CREATE KEYSPACE IF NOT EXISTS peers WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.execute(
        "CREATE TABLE IF NOT EXISTS peers.window_counts (run text, service text, window_ms bigint, level text, n bigint, "
        "PRIMARY KEY ((run, service), window_ms, level))"
    )
    insert = session.prepare("INSERT INTO peers.window_counts (run, window_ms, service, level, n) VALUES (?, ?, ?, ?, ?)")
    select = session.prepare("SELECT window_ms, service, level, n FROM peers.window_counts WHERE run = ? AND service = ?")
    services: set[str] = set()

    def write(rows: Sequence[Cell]) -> None:
        services.update(service for _, service, _, _ in rows)
        execute_concurrent_with_args(session, insert, [(run, *row) for row in rows], concurrency=100)

    return write, lambda: [tuple(row) for service in services for row in session.execute(select, (run, service))]


def main(brokers: str, topic: str, home: str, *cassandra: str) -> None:
    write, read = stored(cassandra[0], int(cassandra[1]), home) if cassandra else kept()
    spark: Any = SparkSession.builder.getOrCreate()

    def land(batch: DataFrame, _: int) -> None:
        rows = batch.select(F.unix_millis("window.start").alias("start"), "service", "level", "count").collect()
        write([cell(row) for row in rows])

    stream = counts(spark, brokers, topic).writeStream.outputMode("update").foreachBatch(land)
    stream.option("checkpointLocation", Path(home, "checkpoint").as_uri()).trigger(availableNow=True).start().awaitTermination()
    Path(home, "result.json").write_text(json.dumps(sorted(read())))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
