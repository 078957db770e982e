"""Real brokers for the contract tests: started once, on ports of their own, and stopped afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

from tests.parts import local_spark, make_topic, new_stack, part_of, running, running_stack, secure, until
from tests.stores.servers import file_store, file_stores
from weir.addresses import address
from weir.cassandra.migrate import migrate
from weir.cassandra.store import CassandraStore
from weir.errors import Prerequisite, TopicMissing
from weir.local import jars, postgres, postgres_access
from weir.local.part import Stack
from weir.local.spark import driver_jars
from weir.ports.source import Retention
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker
from weir.testing import MemoryBroker, MemoryStore

__all__ = ["file_store", "file_stores"]
BOTH = ["memory", pytest.param("real", marks=pytest.mark.stack)]


@pytest.fixture(scope="session")
def real_cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(tmp_path_factory.mktemp("cassandra"), "cassandra") as settings:
        yield settings


@pytest.fixture(scope="session")
def real_store(real_cassandra: Settings) -> Iterator[CassandraStore]:
    """A store in a keyspace of its own."""
    settings = replace(real_cassandra, cassandra_keyspace=f"weir_{uuid4().hex[:8]}")
    migrate(settings)
    store = CassandraStore.connect(address(settings), patience_s=30.0)
    yield store
    store.session.close()


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with running(tmp_path_factory.mktemp("kafka"), "kafka") as settings:
        yield settings


@pytest.fixture(scope="session")
def real_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = new_stack(tmp_path_factory.mktemp("postgres"))
    with running_stack(stack, postgres.part(stack)):
        yield stack


@pytest.fixture(scope="package")
def spark() -> Iterator[SparkSession]:
    """A local Spark with the Kafka connector, S3A, and a user's name for HDFS."""
    conf = {
        "spark.driver.extraClassPath": ":".join(map(str, [*driver_jars(), *jars.class_path("s3a")])),
        "spark.driver.extraJavaOptions": "-DHADOOP_USER_NAME=weir",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "512m",
        "spark.sql.shuffle.partitions": "1",
        # As in the specs of Weir's jobs.
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    }
    with local_spark(conf) as session:
        yield session


@pytest.fixture
def secure_postgres(tmp_path: Path) -> Iterator[Stack]:
    """A PostgreSQL with TLS and passwords; skips where the machine has none with TLS."""
    try:
        postgres_access.programs(tmp_path)
    except Prerequisite as lacks:
        pytest.skip(lacks.what)
    with secure(tmp_path / "stack") as (stack, _), part_of(postgres.part(stack)):
        postgres.create_database(stack)
        yield stack


@pytest.fixture
def jvm(spark: SparkSession) -> Any:
    """The JVM of a driver. It must be the only one: pyspark looks up every exception of py4j in the JVM of the session."""
    return spark._jvm


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest) -> Any:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("real_store")


@pytest.fixture
def job() -> str:
    """A name that no other test uses: the real store is shared."""
    return f"job_{uuid4().hex[:8]}"


class Broker:
    """A topic to write to and its reader, in memory or real."""

    def __init__(self, reader: Any, settings: Settings | None) -> None:
        self.reader, self.settings, self.topic = reader, settings, f"topic-{uuid4().hex[:8]}"
        self._producers: list[Any] = []
        self.create()

    def create(self) -> None:
        if self.settings is None:
            self.reader.create(self.topic, 2)
        else:
            make_topic(self.settings, self.topic, 2)
            self._until(self._is_there)  # what made it may know of it a moment before those who ask

    def add(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        if self.settings is None:
            self.reader.add(self.topic, partition, key, value, 1)
            return
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.settings.kafka, "message.max.bytes": 2 * 1024 * 1024})
        producer.produce(self.topic, value, key, partition)
        assert producer.flush(30) == 0

    def transaction(self, partition: int, lines: int, end: Literal["commit", "abort", "open"]) -> None:
        """Write some lines in a transaction, and end it; or leave it open."""
        if self.settings is None:
            for n in range(lines):
                self.reader.add(self.topic, partition, b"web", b"line %d" % n, 1)
            if end == "open":
                self.reader.hold(self.topic, partition, lines)
            else:
                self.reader.mark(self.topic, partition, lines, commit=end == "commit")
            return
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.settings.kafka, "transactional.id": uuid4().hex, "log_level": 0})
        self._producers.append(producer)  # one that is collected aborts its transaction
        producer.init_transactions(30)
        before = self.reader.end_offsets(self.topic)[partition]
        producer.begin_transaction()
        for n in range(lines):
            producer.produce(self.topic, b"line %d" % n, b"web", partition)
        producer.flush(30)
        if end != "open":
            (producer.commit_transaction if end == "commit" else producer.abort_transaction)(30)
            # The broker answers before it writes the mark.
            self._until(lambda: self.reader.end_offsets(self.topic)[partition] == before + lines + 1)

    def forget(self, partition: int, before: int) -> None:
        """As retention does."""
        if self.settings is None:
            self.reader.forget(self.topic, partition, before)
            return
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.settings.kafka})
        admin.delete_records([TopicPartition(self.topic, partition, before)])
        self._until(lambda: self.reader.earliest_offsets(self.topic)[partition] == before)

    def keep(self, retention: Retention) -> None:
        """Set how long, and how much, the topic keeps."""
        if self.settings is None:
            self.reader.kept[self.topic] = retention
            return
        from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

        wanted: dict[str, object] = {"retention.ms": retention.ms, "retention.bytes": retention.bytes}
        wanted["cleanup.policy"] = "compact,delete" if retention.compacted else "delete"
        wanted["message.timestamp.type"] = "CreateTime" if retention.claimed_times else "LogAppendTime"
        entries = [
            ConfigEntry(name, str(-1 if value is None else value), incremental_operation=AlterConfigOpType.SET)
            for name, value in wanted.items()
        ]
        of = ConfigResource(ConfigResource.Type.TOPIC, self.topic, incremental_configs=entries)
        admin = AdminClient({"bootstrap.servers": self.settings.kafka})
        admin.incremental_alter_configs([of])[of].result(30)
        self._until(lambda: self.reader.retention(self.topic) == retention)

    def delete(self) -> None:
        from confluent_kafka.admin import AdminClient

        if self.settings is None:
            self.reader.delete(self.topic)
            return
        admin = AdminClient({"bootstrap.servers": self.settings.kafka})
        admin.delete_topics([self.topic])[self.topic].result(30)
        self._until(lambda: not self._is_there())

    def _is_there(self) -> bool:
        try:
            return bool(self.reader.topic_id(self.topic))
        except TopicMissing:
            return False

    def _until(self, so: Callable[[], bool]) -> None:
        until(so, "the broker shows what it was told", 30)


@pytest.fixture(params=BOTH)
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "memory":
        return Broker(MemoryBroker(), None)
    settings = request.getfixturevalue("real_kafka")
    return Broker(KafkaBroker(settings.kafka), settings)
