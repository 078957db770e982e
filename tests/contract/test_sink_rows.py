"""What each sink stores, value by value, as another client reads it; and what it refuses, with nothing of the batch written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from pyspark.sql import DataFrame, SparkSession

from spark_jobs import failpoint
from spark_jobs.protocol.landing import LandedSink, SinkAhead, SinkBehind
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.session import Session
from spark_jobs.sinks.cassandra import CassandraSink
from spark_jobs.sinks.errors import BadRows, BadTarget
from spark_jobs.sinks.hadoop_files import HadoopFiles
from spark_jobs.sinks.kafka import KafkaSink
from spark_jobs.sinks.kafka_fence import GroupFence
from spark_jobs.sinks.parquet import ParquetSink
from spark_jobs.sinks.parquet_reader import NothingLanded, landed, landed_table
from spark_jobs.sinks.postgresql import PostgresqlSink
from spark_jobs.sinks.settings import CassandraRows, Kafka, Parquet
from tests.contract.sinks import (
    Life,
    consumed,
    digest,
    folder_of,
    keyspace_of,
    parquet_base,
    postgresql_settings,
    sql,
    with_epoch,
)
from tests.contract.test_sinks import stopped_at
from tests.parts import make_topic, until
from tests.stores.servers import FileStore
from weir.cassandra.store import CassandraStore
from weir.cluster.file_systems import opened
from weir.local.part import Stack
from weir.settings import Settings

SMILE = "\U0001f600"
AT = datetime(2026, 10, 25, 0, 30, 5, 123000, UTC)  # within the hour that Berlin has twice
BASE = "k string, flag boolean, tiny tinyint, small smallint, i int, b bigint, f float, d double, n decimal(20,4), day date, at timestamp, "
COMMON = BASE + "data binary, words array<string>, nums array<int>"
ONE: tuple[Any, ...] = (
    "one", True, -128, -32768, -(2**31), -(2**63), 0.1, 1e-300, Decimal("-1234567890123456.7891"), date(1, 1, 1), AT,
    bytearray(b"\0\xff"), ['say "x"\\', None, f"tab\t{SMILE}\n", ""], [1, None, -5],
)  # fmt: skip
NULLS: tuple[Any, ...] = ("nulls", *[None] * (len(ONE) - 1))
PATHS = ("00000001-000000000000", "00000001-000000000001", "00000002-000000000000")  # of manifests
TEXTS: tuple[Any, ...] = (f"\\N \\. tab\t line\r\n {SMILE} '\"", *NULLS[1:])


def written(life: Life, sink: LandedSink, rows: DataFrame) -> None:
    sink.fence(life.head)
    life.batch(sink, rows.persist())


def refused(life: Life, sink: LandedSink, rows: DataFrame, kind: type[Exception], says: str) -> None:
    """The next batch is refused, and the job stays where it is."""
    sink.fence(life.head)
    with pytest.raises(kind, match=says):
        sink.write(Life(life.head).claimed(), rows.persist(), digest(rows))


def single(value: Any) -> Any:
    """A value as a 32-bit float holds it."""
    return None if value is None else pytest.approx(value, rel=1e-7)


@pytest.fixture
def berlin(spark: SparkSession) -> Any:
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    yield
    spark.conf.set("spark.sql.session.timeZone", before)


PG_TABLE = """
CREATE TABLE {} (k text NOT NULL PRIMARY KEY, flag boolean, tiny smallint, small smallint, i integer, b bigint, f real, d double precision,
n numeric(20,4), day date, at timestamptz, data bytea, words text[], nums integer[], id bigint GENERATED ALWAYS AS IDENTITY)"""


@pytest.fixture
def schema(real_postgres: Stack) -> str:
    name = f"s{uuid4().hex[:8]}"
    sql(real_postgres, f"CREATE SCHEMA {name}")
    return name


@pytest.mark.stack
@pytest.mark.usefixtures("berlin")
def test_postgresql_holds_every_common_type(spark: SparkSession, real_postgres: Stack, schema: str) -> None:
    sql(real_postgres, PG_TABLE.format(f"{schema}.t"))
    settings = postgresql_settings(real_postgres, f"{schema}.t", mode="upsert", key=("k",))
    life, sink = Life.begun(), PostgresqlSink(settings)
    written(life, sink, spark.createDataFrame([ONE, NULLS, TEXTS], COMMON))
    columns = "k, flag, tiny, small, i, b, f, d, n, day, at, data, words, nums"
    found = {row[0]: row[1:] for row in sql(real_postgres, f"SET TIME ZONE 'UTC'; SELECT {columns} FROM {schema}.t")}
    one = [bytes(value) if isinstance(value, memoryview) else value for value in found["one"]]
    assert one == [single(value) if value == 0.1 else bytes(value) if isinstance(value, bytearray) else value for value in ONE[1:]]
    assert found["nulls"] == found[TEXTS[0]] == NULLS[1:]

    life.batch(sink, spark.createDataFrame([("one", *NULLS[1:]), ("new", *ONE[1:])], COMMON).persist())
    assert dict(sql(real_postgres, f"SELECT k, i FROM {schema}.t WHERE k IN ('one', 'new')")) == {"one": None, "new": -(2**31)}


@pytest.mark.stack
def test_postgresql_refuses_by_name_and_harms_no_row(spark: SparkSession, real_postgres: Stack, schema: str) -> None:
    sql(real_postgres, f"CREATE TABLE {schema}.t (k text PRIMARY KEY, v text CHECK (v <> 'bad'))")
    settings = postgresql_settings(real_postgres, f"{schema}.t", mode="upsert", key=("k",), deleted="gone")
    life, sink = Life.begun(), PostgresqlSink(settings)
    form = "k string, v string, gone boolean"
    written(life, sink, spark.createDataFrame([("a", "1", False), ("b", "2", None)], form))
    for rows, says in (
        ([("c", "3", False), ("a", "x\0y", False)], "WEIR-324: .*the column v has a text with the character NUL"),
        ([("c", "3", False), ("c", "4", False)], "WEIR-324: .*several rows have the key k='c'"),
        ([("c", "3", False), (None, "4", False)], 'WEIR-324: .*null value in column "k"'),
        ([("c", "3", False), ("a", "bad", False)], "WEIR-324: .*violates check constraint"),
    ):
        refused(life, sink, spark.createDataFrame(rows, form), BadRows, says)
    several = spark.createDataFrame([("a", {"x": 1}, False)], "k string, v map<string,int>, gone boolean")
    refused(
        life, PostgresqlSink(settings), several, BadTarget, r"WEIR-323: .*the column v is text, which does not hold every map<string,int>"
    )
    sql(real_postgres, f"CREATE UNLOGGED TABLE {schema}.u (k text PRIMARY KEY, v text)")
    with pytest.raises(BadTarget, match="unlogged"):
        PostgresqlSink(replace(settings, table=f"{schema}.u")).rehearse("cards")
    with pytest.raises(BadTarget, match="does not exist"):
        PostgresqlSink(replace(settings, table=f"{schema}.none")).rehearse("cards")
    assert sorted(sql(real_postgres, f"SELECT * FROM {schema}.t")) == [("a", "1"), ("b", "2")]

    sink.rehearse("cards")
    life.batch(sink, spark.createDataFrame([("a", None, True), ("c", "3", False)], form).persist())
    assert sorted(sql(real_postgres, f"SELECT * FROM {schema}.t")) == [("b", "2"), ("c", "3")], "the flag deletes"


@pytest.mark.stack
def test_a_driver_that_is_frozen_with_the_fence_locked_holds_no_successor_up(
    spark: SparkSession, real_postgres: Stack, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(real_postgres, f"CREATE TABLE {schema}.t (k text, n bigint)")
    settings = postgresql_settings(real_postgres, f"{schema}.t")
    rows = spark.createDataFrame([("a", 1)], "k string, n bigint").persist()
    life, frozen = Life.begun(), PostgresqlSink(settings)
    frozen.fence(life.head)
    claimed = life.claimed()
    set_held = frozen._set_held
    monkeypatch.setattr(frozen, "_set_held", lambda *given: (failpoint.reach("locked"), set_held(*given)))
    with stopped_at("locked", monkeypatch, lambda: frozen.write(claimed, rows, digest(rows))) as stop:
        later, successor = life.successor(), PostgresqlSink(settings)
        successor.fence(later.head)
        later.batch(successor, rows)
        error = stop.wakes()
    assert "superseded" in str(error)
    assert sql(real_postgres, f"SELECT * FROM {schema}.t") == [("a", 1)]


@pytest.mark.stack
def test_a_restored_postgresql_is_told_under_a_running_driver(spark: SparkSession, real_postgres: Stack, schema: str) -> None:
    sql(real_postgres, f"CREATE TABLE {schema}.t (k text, n bigint)")
    life, sink = Life.begun(), PostgresqlSink(postgresql_settings(real_postgres, f"{schema}.t"))
    rows = spark.createDataFrame([("a", 1)], "k string, n bigint")
    written(life, sink, rows)
    life.batch(sink, rows)
    for change, kind in (("batch_id = 0", SinkBehind), ("batch_id = 9", SinkAhead), ("attempt = 0", SinkBehind)):
        sql(real_postgres, f"UPDATE {schema}.weir_fence SET {change}")
        with pytest.raises(kind):
            sink.write(Life(life.head).claimed(), rows, digest(rows))
    assert sql(real_postgres, f"SELECT count(*) FROM {schema}.t") == [(2,)]


CQL_TABLE = """
CREATE TABLE {}.t (k text PRIMARY KEY, flag boolean, tiny tinyint, small smallint, i int, b bigint, f float, d double, n decimal, day date,
at timestamp, data blob, words frozen<list<text>>, nums frozen<list<int>>)"""


@pytest.fixture
def session(real_store: CassandraStore) -> Session:
    return real_store.session


@pytest.mark.stack
@pytest.mark.usefixtures("berlin")
def test_cassandra_holds_every_common_type(spark: SparkSession, session: Session) -> None:
    keyspace = keyspace_of(session)
    session.run(CQL_TABLE.format(keyspace))
    life, sink = Life.begun(), CassandraSink(CassandraRows(f"{keyspace}.t"), session)
    nul = (f"nul \0 {SMILE}", *NULLS[1:])
    one = (*ONE[:12], ['say "x"\\', f"tab\t{SMILE}\n", ""], [1, -5])  # its lists have no null
    written(life, sink, spark.createDataFrame([one, NULLS, nul], COMMON))
    names = "k, flag, tiny, small, i, b, f, d, n, day, at, data, words, nums"
    found = {row.k: row for row in session.execute(f"SELECT {names} FROM {keyspace}.t")}
    assert set(found) == {"one", "nulls", nul[0]}
    read = [value.date() if name == "day" else value for name, value in found["one"]._asdict().items() if name != "k"]
    wanted = [single(value) if value == 0.1 else bytes(value) if isinstance(value, bytearray) else value for value in one[1:]]
    wanted[9] = AT.replace(tzinfo=None)  # the client returns UTC without a zone
    assert read == wanted
    assert set(found["nulls"][1:]) == {None}

    life.batch(sink, spark.createDataFrame([("one", *NULLS[1:])], COMMON).persist())
    (row,) = session.execute(f"SELECT {names} FROM {keyspace}.t WHERE k = 'one'")
    assert set(row[1:]) == {None}, "an upsert writes every column, nulls too"


@pytest.mark.stack
def test_cassandra_refuses_by_name_and_harms_no_row(spark: SparkSession, session: Session) -> None:
    keyspace = keyspace_of(session)
    session.run(f"CREATE TABLE {keyspace}.t (k text, c int, at timestamp, PRIMARY KEY (k, c))")
    life, sink = Life.begun(), CassandraSink(CassandraRows(f"{keyspace}.t", deleted="gone"), session)
    form, day = "k string, c int, at timestamp, gone boolean", datetime(2026, 1, 1, tzinfo=UTC)
    written(life, sink, spark.createDataFrame([("a", 1, day, False), ("b", 1, day, None)], form))
    for rows, says in (
        ([("c", 1, day, False), ("c", 1, day, True)], "WEIR-324: .*2 rows have the key k='c', c=1"),
        ([("c", 1, day, False), ("c", None, day, False)], "WEIR-324: .*the key k='c', c=None has a null"),
        ([("c", 1, day, False), ("", 1, day, False)], "WEIR-324: .*k, the partition key, is empty"),
        ([("c", 1, day, False), ("a", 1, day.replace(microsecond=1), False)], "WEIR-324: .*at has a time finer than milliseconds"),
    ):
        refused(life, sink, spark.createDataFrame(rows, form), BadRows, says)
    named = "WEIR-323: .*the column c is int, which does not hold every bigint"
    wider = spark.createDataFrame([("a", 1, day, False)], "k string, c bigint, at timestamp, gone boolean")
    refused(life, CassandraSink(CassandraRows(f"{keyspace}.t", deleted="gone"), session), wider, BadTarget, named)
    assert {(r.k, r.c) for r in session.execute(f"SELECT k, c FROM {keyspace}.t")} == {("a", 1), ("b", 1)}

    older = life.head
    life.batch(sink, spark.createDataFrame([("a", 1, None, True), ("d", 1, day, False)], form).persist())
    assert {(r.k, r.c) for r in session.execute(f"SELECT k, c FROM {keyspace}.t")} == {("b", 1), ("d", 1)}, "the flag deletes"
    frozen = spark.createDataFrame([("a", 1, day, False), ("d", 1, None, True)], form).persist()
    sink.write(older, frozen, digest(frozen))
    assert {(r.k, r.c) for r in session.execute(f"SELECT k, c FROM {keyspace}.t")} == {("b", 1), ("d", 1)}, "an older claim undoes nothing"
    sink.rehearse("cards")
    assert {(r.k, r.c) for r in session.execute(f"SELECT k, c FROM {keyspace}.t")} == {("b", 1), ("d", 1)}


@pytest.mark.stack
@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("(k text PRIMARY KEY, n counter)", "n is a counter"),
        ("(k text PRIMARY KEY, n list<text>)", "n is list<text>"),
        ("(k text, c int, n int STATIC, PRIMARY KEY (k, c))", "n is static"),
        ("(k text PRIMARY KEY, n int) WITH default_time_to_live = 60", "default_time_to_live"),
        ("(k text PRIMARY KEY, n int) WITH gc_grace_seconds = 0", "gc_grace_seconds"),
        ("(k frozen<list<text>> PRIMARY KEY, n int)", "use plain types"),
    ],
)
def test_tables_of_cassandra_that_cannot_take_a_batch_twice_are_refused(session: Session, table: str, says: str) -> None:
    keyspace = keyspace_of(session)
    session.run(f"CREATE TABLE {keyspace}.t {table}")
    with pytest.raises(BadTarget, match=says):
        CassandraSink(CassandraRows(f"{keyspace}.t"), session).rehearse("cards")


@pytest.fixture
def topic(real_kafka: Settings) -> str:
    name = f"out-{uuid4().hex[:8]}"
    make_topic(real_kafka, name, 1)
    return name


@pytest.mark.stack
def test_kafka_holds_keys_values_and_headers(spark: SparkSession, real_kafka: Settings, topic: str) -> None:
    life, sink = Life.begun(topic), KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic)
    form = "key string, value binary, partition int, headers array<struct<key:string,value:binary>>"
    rows = [(f"k\0{SMILE}", bytearray(b"\0\xff"), 0, [("h", bytearray(b"1")), ("none", None)]), (None, None, None, None)]
    written(life, sink, spark.createDataFrame(rows, form))
    first, second = consumed(real_kafka.kafka, topic)
    assert (first.key(), first.value(), first.headers()[:2]) == (f"k\0{SMILE}".encode(), b"\0\xff", [("h", b"1"), ("none", None)])
    assert (second.key(), second.value()) == (None, None)
    assert dict(second.headers()).keys() == {"weir-job", "weir-epoch", "weir-batch", "weir-n"}


@pytest.mark.stack
def test_kafka_refuses_by_name_and_nothing_of_the_batch_is_seen(spark: SparkSession, real_kafka: Settings, topic: str) -> None:
    life, sink = Life.begun(topic), KafkaSink(Kafka(topic, compression="none"), KafkaAddress(real_kafka.kafka), topic, patience_s=20)
    written(life, sink, spark.createDataFrame([("fine",)], "value string"))
    large = spark.createDataFrame([("first",), ("x" * 5_000_000,)], "value string")
    refused(life, sink, large, BadRows, "WEIR-324: .*max.message.bytes")
    elsewhere = spark.createDataFrame([("first", 0), ("second", 7)], "value string, partition int")
    refused(life, sink, elsewhere, BadRows, "WEIR-324: .*partition")
    refused(life, sink, spark.createDataFrame([(1,)], "n int"), BadTarget, "WEIR-323: .*the column n has no place in a record")
    assert [record.value() for record in consumed(real_kafka.kafka, topic)] == [b"fine"]
    life.batch(KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic), spark.createDataFrame([("next",)], "value string"))
    assert [record.value() for record in consumed(real_kafka.kafka, topic)] == [b"fine", b"next"]


@pytest.mark.stack
def test_readers_of_uncommitted_records_can_drop_what_came_twice(
    spark: SparkSession, real_kafka: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = spark.createDataFrame([(str(n % 7),) for n in range(20)], "value string").persist()
    again = rows.orderBy("value").persist()  # the same rows in another order
    life, frozen = Life.begun(topic), KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic)
    frozen.fence(life.head)
    claimed = life.claimed()
    with stopped_at("sink.write", monkeypatch, lambda: frozen.write(claimed, rows, digest(rows))) as stop:
        until(lambda: len(consumed(real_kafka.kafka, topic, "read_uncommitted")) == 20, "the frozen driver's records arrived", 60)
        assert consumed(real_kafka.kafka, topic) == []
        later, successor = life.successor(), KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic)
        successor.fence(later.head)
        later.batch(successor, again)
        stop.wakes()
    records = consumed(real_kafka.kafka, topic, "read_uncommitted")
    kept = {tuple(value for name, value in record.headers() if name.startswith("weir-")): record.value() for record in records}
    assert (len(records), len(kept)) == (40, 20)
    assert sorted(kept.values()) == sorted(row.value.encode() for row in rows.collect())
    assert len(consumed(real_kafka.kafka, topic)) == 20


@pytest.mark.stack
def test_an_older_attempt_that_starts_late_ends_itself_and_not_its_successor(spark: SparkSession, real_kafka: Settings, topic: str) -> None:
    """`init_transactions` of the older one comes last, and ends the newer one's producer."""
    rows = spark.createDataFrame([("a",)], "value string").persist()
    life, successor = Life.begun(topic), KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic)
    later = life.successor()
    successor.fence(later.head)
    Producer({"bootstrap.servers": real_kafka.kafka, "transactional.id": f"weir.{topic}"}).init_transactions(30)
    later.batch(successor, rows)
    later.batch(successor, rows)
    assert len(consumed(real_kafka.kafka, topic)) == 2


@pytest.mark.stack
def test_an_offset_of_another_program_is_no_fence(spark: SparkSession, real_kafka: Settings, topic: str) -> None:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": real_kafka.kafka, "group.id": f"weir.{topic}"})
    consumer.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=False)
    consumer.close()
    with pytest.raises(ValueError, match="was committed by another program"):
        GroupFence(topic, f"weir.{topic}", {"bootstrap.servers": real_kafka.kafka}).read()


@pytest.mark.stack
def test_the_fence_of_a_job_without_input_does_not_expire(spark: SparkSession, real_kafka: Settings, topic: str) -> None:
    """A broker deletes the offset of a group without members some days after its last commit, though its job runs."""
    from confluent_kafka.admin import AdminClient

    fence = GroupFence(topic, f"weir.{topic}", {"bootstrap.servers": real_kafka.kafka})
    life, sink = Life.begun(topic), KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic, keep_s=0)
    sink.keep()
    assert fence.read() is None, "a sink that holds no fence keeps none"
    life.batch(sink, spark.createDataFrame([("a",)], "value string"))
    before = fence.read()
    assert before
    admin = AdminClient({"bootstrap.servers": real_kafka.kafka})
    for deleted in admin.delete_consumer_groups([f"weir.{topic}"]).values():
        deleted.result(30)
    assert fence.read() is None
    sink.keep()
    assert fence.read() == before
    later, successor = life.successor(), KafkaSink(Kafka(topic), KafkaAddress(real_kafka.kafka), topic)
    raised = successor.fence(later.head)
    sink.keep()  # superseded: it changes nothing
    assert fence.read() == raised


@pytest.mark.stack
def test_a_topic_that_is_not_there_is_refused(real_kafka: Settings) -> None:
    with pytest.raises(BadTarget, match="WEIR-323"):
        KafkaSink(Kafka("none"), KafkaAddress(real_kafka.kafka), "none", patience_s=5).rehearse("none")


def test_parquet_holds_every_type_for_both_readers(spark: SparkSession, file_store: FileStore) -> None:
    base = parquet_base(spark, file_store)
    life, sink = Life.begun(), ParquetSink(Parquet(base), spark)
    with pytest.raises(NothingLanded):
        landed(spark, base)
    nested = COMMON + ", local timestamp_ntz, m map<string,int>, s struct<a:int,b:string>"
    more = (datetime(2026, 1, 2, 3, 4, 5, 6), {"x": 1}, (1, SMILE))
    written(life, sink, spark.createDataFrame([(*ONE, *more), (f"nul \0 {SMILE}", *NULLS[1:], None, None, None)], nested))
    life.batch(sink, spark.createDataFrame([("later", "new column")], "k string, extra string"))
    found = {row.k: row for row in landed(spark, base).collect()}
    assert tuple(found["one"][:13]) == (*ONE[:6], single(ONE[6]), *ONE[7:10], found["one"].at, *ONE[11:13])
    assert found["one"].at.astimezone(UTC) == AT
    assert (found["one"].m, tuple(found["one"].s), found["one"].local) == ({"x": 1}, (1, SMILE), more[0])
    assert (found["later"].extra, found["later"].i, set(found)) == ("new column", None, {"one", "later", f"nul \0 {SMILE}"})

    fs, path = opened(base, file_store.settings(Settings(home=""), ""))
    frame: Mapping[str, list[Any]] = landed_table(path, fs).to_pydict()
    assert (frame["k"], frame["b"], frame["extra"]) == (
        ["one", f"nul \0 {SMILE}", "later"],
        [-(2**63), None, None],
        [None, None, "new column"],
    )
    assert len(landed_table(path, fs).to_pandas()) == 3


def test_parquet_refuses_by_name(spark: SparkSession, file_stores: Any) -> None:
    base = parquet_base(spark, file_stores("folder"))
    life, sink = Life.begun(), ParquetSink(Parquet(base), spark)
    refused(life, sink, spark.range(1).selectExpr("make_interval(1, 2) AS i"), BadTarget, "WEIR-323: .*`i`.*INTERVAL")


def test_parquet_tells_a_restored_store_and_a_restored_folder(spark: SparkSession, file_stores: Any) -> None:
    base = parquet_base(spark, file_stores("folder"))
    rows = spark.createDataFrame([("a", 1)], "k string, n bigint")
    life, sink, heads = Life.begun(), ParquetSink(Parquet(base), spark), []
    for _ in range(3):
        life.batch(sink, rows)
        heads.append(life.head)
    with pytest.raises(SinkAhead, match=r"WEIR-321: .*batch 2 of epoch 1"):
        sink.fence(heads[0])
    manifests = sorted((folder_of(base) / "_manifests").glob("*.json"))
    content = manifests[2].read_bytes()
    manifests[2].unlink()
    sink.fence(life.head)  # `landed` writes it again
    sink.landed(life.head)
    assert manifests[2].read_bytes() == content
    manifests[1].unlink()
    with pytest.raises(SinkBehind, match=r"WEIR-322: .*no manifest of batch 1"):
        sink.fence(life.head)
    manifests[2].unlink()
    next((folder_of(base) / "attempt=1" / "batch=2").glob("*.parquet")).unlink()
    with pytest.raises(SinkBehind, match=r"WEIR-322: Batch 2 .* are not whole: .*is gone"):
        sink.landed(life.head)


def test_parquet_publishes_the_last_batch_of_an_epoch_that_was_left(spark: SparkSession, file_store: FileStore) -> None:
    """Its driver ended between landing and publishing, and an operator began a new epoch."""
    base = parquet_base(spark, file_store)
    rows = spark.createDataFrame([("a", 1)], "k string, n bigint")
    life, sink = Life.begun(), ParquetSink(Parquet(base), spark)
    sink.fence(life.head)
    life.batch(sink, rows)
    sink.write(life.claimed(), rows, digest(rows))
    later = life.successor()
    sink.write(later.claimed(), rows, digest(rows))  # by attempt 2, which lands it
    later.landed()
    assert landed(spark, base).count() == 1
    anew, successor = with_epoch(later.successor(), 2), ParquetSink(Parquet(base), spark)
    successor.fence(anew.head)
    successor.landed(anew.head)
    anew.batch(successor, rows)
    successor.fence(anew.head)
    names = [json.loads(found)["attempt"] for path in PATHS if (found := HadoopFiles(spark, base).read(f"_manifests/{path}.json"))]
    assert (landed(spark, base).count(), names) == (3, [1, 2, 3])
    ParquetSink(Parquet(f"{base}-new"), spark).fence(with_epoch(later.successor(), 2).head)  # a new folder has nothing to complete


def test_files_that_were_never_landed_are_not_read(spark: SparkSession, file_stores: Any) -> None:
    base = parquet_base(spark, file_stores("folder"))
    life, frozen = Life.begun(), ParquetSink(Parquet(base), spark)
    rows = spark.createDataFrame([("a", 1)], "k string, n bigint")
    frozen.write(life.claimed(), rows, digest(rows))
    later = life.successor()
    later.batch(ParquetSink(Parquet(base), spark), rows)
    frozen.write(life.head, rows, digest(rows))
    assert landed(spark, base).count() == 1
    assert spark.read.parquet(base).count() == 2, "a plain reader sees both"
    names = json.loads(next((folder_of(base) / "_manifests").glob("*.json")).read_text())
    assert [path.split("/")[:2] for path in names["files"]] == [["attempt=2", "batch=0"]] * len(names["files"])
