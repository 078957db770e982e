"""The sinks of landed jobs on real servers, each with its reader, and the lives of a job that writes to them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
from confluent_kafka import Consumer, TopicPartition
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, started, taken_over
from spark_jobs.protocol.landing import Digest, LandedSink
from spark_jobs.protocol.partition import Partition
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_client import client_options
from spark_jobs.runtime.session import Session
from spark_jobs.sinks.cassandra import CassandraSink
from spark_jobs.sinks.kafka import KafkaSink
from spark_jobs.sinks.parquet import ParquetSink
from spark_jobs.sinks.parquet_reader import NothingLanded, landed, landed_table
from spark_jobs.sinks.postgresql import PostgresqlSink
from spark_jobs.sinks.settings import CassandraRows, Kafka, Parquet, Postgresql
from tests.stores.servers import FileStore
from weir.cluster.file_systems import opened
from weir.file_stores import spark_conf
from weir.local import postgres
from weir.local.part import Stack
from weir.settings import Settings
from weir.testing.landed_sinks import MemorySink, Target

Seen = list[tuple[str, int]]
PART = Partition("topic-id", 0)


@dataclass
class Rig:
    """A target of one kind. `rows` are pairs of a name, the key, and a number."""

    spark: SparkSession
    process: Callable[[], LandedSink]  # the sink of a new process
    seen: Callable[[], Seen]  # what its reader sees, sorted
    size: Callable[[], int] | None = None  # how many rows its reader sees, where that is cheaper
    knows: bool = True  # the fence says which batch the target holds
    hides: bool = False  # readers see nothing before the batch lands
    upserts: bool = False

    def rows(self, pairs: Sequence[tuple[str, int]]) -> DataFrame:
        return self.shaped(self.spark.createDataFrame(list(pairs), "name string, n bigint")).persist()

    def shaped(self, pairs: DataFrame) -> DataFrame:
        """Return the columns that the sink takes."""
        return pairs


class KafkaRig(Rig):
    def shaped(self, pairs: DataFrame) -> DataFrame:
        return pairs.selectExpr("name AS key", "to_json(struct(name, n)) AS value")


def memory(spark: SparkSession) -> Rig:
    target = Target()
    return Rig(spark, lambda: MemorySink(target), lambda: sorted((name, n) for name, n in target.rows))


def postgresql_settings(stack: Stack, table: str, **more: Any) -> Postgresql:
    password = stack.home / "postgres-password"
    password.write_text(stack.secrets["postgres"])
    known = {"host": "127.0.0.1", "port": stack.ports["postgres"], "database": "postgres", "user": postgres.USER}
    return Postgresql(**known, password_file=str(password), table=table, **more)


def sql(stack: Stack, statement: str, ca: str = "") -> list[Any]:
    """Run a statement as another client; with TLS if there is a certificate of an authority."""
    where = {"host": "127.0.0.1", "port": stack.ports["postgres"], "user": postgres.USER, "dbname": "postgres"}
    tls = {"sslmode": "verify-full", "sslrootcert": ca} if ca else {}
    connection = psycopg2.connect(**where, **tls, password=stack.secrets["postgres"])
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def postgresql(spark: SparkSession, stack: Stack, upserts: bool) -> Rig:
    schema = f"s{uuid4().hex[:8]}"
    sql(stack, f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (name text NOT NULL{' PRIMARY KEY' if upserts else ''}, n bigint)")
    more: dict[str, Any] = {"mode": "upsert", "key": ("name",)} if upserts else {}
    settings = postgresql_settings(stack, f"{schema}.t", **more)
    return Rig(spark, lambda: PostgresqlSink(settings), lambda: sorted(sql(stack, f"SELECT * FROM {schema}.t")), upserts=upserts)


def kafka(spark: SparkSession, servers: str, make_topic: Callable[[str], None]) -> Rig:
    topic = f"out-{uuid4().hex[:8]}"
    make_topic(topic)

    def seen() -> Seen:
        found = [json.loads(record.value()) for record in consumed(servers, topic)]
        return sorted((one["name"], one["n"]) for one in found)

    return KafkaRig(spark, lambda: KafkaSink(Kafka(topic), KafkaAddress(servers), topic), seen)


def consumed(servers: str | KafkaAddress, topic: str, isolation: str = "read_committed") -> list[Any]:
    """Read a topic of one partition to its end, as far as a reader of this isolation sees it."""
    address = servers if isinstance(servers, KafkaAddress) else KafkaAddress(servers)
    consumer = Consumer({
        **client_options(address), "group.id": uuid4().hex, "isolation.level": isolation, "auto.offset.reset": "earliest",
        "enable.partition.eof": True, "enable.auto.commit": False,
    })  # fmt: skip
    found, end = [], False
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        while not end:
            for record in consumer.consume(10_000, 1.0):
                if record.error():
                    end = True
                else:
                    found.append(record)
    finally:
        consumer.close()
    return found


def cassandra(spark: SparkSession, session: Session) -> Rig:
    keyspace = keyspace_of(session)
    session.run(f"CREATE TABLE {keyspace}.t (name text PRIMARY KEY, n bigint)")
    settings = CassandraRows(f"{keyspace}.t")

    def seen() -> Seen:
        return sorted((row.name, row.n) for row in session.execute(f"SELECT name, n FROM {keyspace}.t"))

    return Rig(spark, lambda: CassandraSink(settings, session), seen, knows=False, upserts=True)


def keyspace_of(session: Session) -> str:
    name = f"k{uuid4().hex[:8]}"
    session.run(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}}")
    return name


def parquet(spark: SparkSession, store: FileStore) -> Rig:
    base = parquet_base(spark, store)

    def seen() -> Seen:
        by_spark = sorted(
            (row.name, row.n) for row in landed(spark, base, spark.createDataFrame([], "name string, n bigint").schema).collect()
        )
        fs, path = opened(base, store.settings(Settings(home=""), ""))
        try:
            table = landed_table(path, fs)
        except NothingLanded:
            assert by_spark == []
            return []
        assert sorted(zip(table["name"].to_pylist(), table["n"].to_pylist(), strict=True)) == by_spark, "both readers agree"
        return by_spark

    def size() -> int:
        return landed(spark, base).count()

    return Rig(spark, lambda: ParquetSink(Parquet(base), spark), seen, size, knows=False, hides=True)


def parquet_base(spark: SparkSession, store: FileStore) -> str:
    """Return a folder of the store, and set the options by which Spark reaches it."""
    conf: Any = spark.sparkContext._jsc.hadoopConfiguration()
    for name, value in spark_conf(store.settings(Settings(home=""), "")).items():
        if name.startswith("spark.hadoop."):
            conf.set(name.removeprefix("spark.hadoop."), value)
    return f"{store.uri}/parquet-{uuid4().hex[:8]}"


class Life:
    """The head of a job, changed by the protocol's own functions. One object has the head as one process knows it."""

    clock = count(int(time.time() * 1e6))

    def __init__(self, head: Head) -> None:
        self.head = head

    @classmethod
    def begun(cls, job: str = "cards") -> Life:
        return cls(first_head(job, {PART: 0}, next(cls.clock))).successor()

    def successor(self) -> Life:
        """The next attempt, started."""
        head = taken_over(self.head)
        return Life(started(head, f"process of {head.attempt}"))

    def claimed(self) -> Head:
        """Claim the batch that is due: the next one, or the open claim of an earlier attempt."""
        due = Batch(self.head.last_landed + 1, self.head.frontier, {PART: self.head.frontier[PART] + 1})
        self.head = claim(self.head, due, Totals(), Progress(), "v1", next(self.clock))
        return self.head

    def landed(self) -> Head:
        self.head = land(self.head, 1)
        return self.head

    def batch(self, sink: LandedSink, rows: DataFrame) -> None:
        """Claim, write and land a batch."""
        sink.write(self.claimed(), rows, digest(rows))
        sink.landed(self.landed())


def digest(rows: DataFrame) -> Digest:
    return Digest(rows.count(), "0")


def with_epoch(life: Life, epoch: int) -> Life:
    """The same job in another epoch, in which nothing is claimed yet."""
    return Life(replace(life.head, epoch=epoch, batch_id=-1, epoch_ends=(life.head.last_landed,) * (epoch - 1)))


def folder_of(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


Schema = Mapping[str, str]
Rigs = Iterator[Rig]
