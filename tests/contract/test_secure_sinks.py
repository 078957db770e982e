"""The sinks of landed jobs on servers that ask for TLS and a login, with just the rights that docs/sinks.md names.

`make test-landed` runs this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, NewTopic, ResourcePatternType, ResourceType
from pyspark.sql import SparkSession

from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.session import Session
from spark_jobs.sinks.cassandra import CassandraSink
from spark_jobs.sinks.errors import BadTarget
from spark_jobs.sinks.kafka import KafkaSink
from spark_jobs.sinks.postgresql import PostgresqlSink
from spark_jobs.sinks.settings import CassandraRows, Kafka, Postgresql
from tests.contract import sinks
from tests.contract.kafka_doors import Doors, doors
from tests.contract.sinks import KafkaRig, Life, Rig
from tests.parts import secure
from weir.addresses import driver_address
from weir.cassandra.session import PatientSession
from weir.local import cassandra, cassandra_access, certs, kafka, kafka_access
from weir.local.part import Stack

pytestmark = [pytest.mark.stack, pytest.mark.skipif(not os.environ.get("WEIR_TEST_LANDED"), reason="make test-landed runs it")]
PAIRS = [("a", 1), ("b", 2)]


def lands(rig: Rig) -> None:
    """Two batches by two attempts, as every sink must take them."""
    life, sink = Life.begun(f"job-{uuid4().hex[:6]}"), rig.process()
    sink.fence(life.head)
    life.batch(sink, rig.rows(PAIRS[:1]))
    later, successor = life.successor(), rig.process()
    successor.fence(later.head)
    later.batch(successor, rig.rows(PAIRS[1:]))
    assert rig.seen() == PAIRS


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with doors(tmp_path_factory.mktemp("kafka")) as found:
        yield found


class Topic:
    """A topic, and rights for the driver's user."""

    def __init__(self, door: Doors) -> None:
        self.name, self._admin = f"out-{uuid4().hex[:8]}", kafka.admin(kafka.owner(door.stack))
        self._admin.create_topics([NewTopic(self.name, 1, 1)])[self.name].result(30)

    def allow(self, kind: ResourceType, name: str, *operations: AclOperation) -> None:
        user, literal = f"User:{kafka_access.DRIVER}", ResourcePatternType.LITERAL
        bindings = [AclBinding(kind, name, literal, user, "*", one, AclPermissionType.ALLOW) for one in operations]
        for asked in self._admin.create_acls(bindings).values():
            asked.result(30)


def rig_of(spark: SparkSession, door: Doors, topic: Topic, writer: KafkaAddress) -> Rig:
    reader = door.with_certificate(certs.KAFKA_ADMIN)

    def seen() -> list[Any]:
        import json

        found = [json.loads(record.value()) for record in sinks.consumed(reader, topic.name)]
        return sorted((one["name"], one["n"]) for one in found)

    return KafkaRig(spark, lambda: KafkaSink(Kafka(topic.name), writer, topic.name, patience_s=20.0), seen)


def test_kafka_with_a_client_certificate(spark: SparkSession, door: Doors) -> None:
    lands(rig_of(spark, door, Topic(door), door.with_certificate(certs.KAFKA_ADMIN)))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_kafka_with_a_login_and_the_rights_of_the_docs(spark: SparkSession, door: Doors, mechanism: str) -> None:
    topic = Topic(door)
    topic.allow(ResourceType.TOPIC, topic.name, AclOperation.WRITE, AclOperation.DESCRIBE)
    topic.allow(ResourceType.TRANSACTIONAL_ID, f"weir.{topic.name}", AclOperation.WRITE)
    topic.allow(ResourceType.GROUP, f"weir.{topic.name}", AclOperation.READ)
    lands(rig_of(spark, door, topic, door.login(mechanism, kafka_access.DRIVER)))


def test_kafka_names_the_right_that_is_missing(spark: SparkSession, door: Doors) -> None:
    topic = Topic(door)
    topic.allow(ResourceType.TOPIC, topic.name, AclOperation.DESCRIBE)
    rig, life = rig_of(spark, door, topic, door.login("SCRAM-SHA-512", kafka_access.DRIVER)), Life.begun()
    with pytest.raises(BadTarget, match="Group authorization failed"):
        rig.process().fence(life.head)
    topic.allow(ResourceType.GROUP, f"weir.{topic.name}", AclOperation.READ)
    with pytest.raises(BadTarget, match=r"(?i)transactional.*authorization failed"):
        rig.process().fence(life.head)
    topic.allow(ResourceType.TRANSACTIONAL_ID, f"weir.{topic.name}", AclOperation.WRITE)
    sink = rig.process()
    sink.fence(life.head)
    with pytest.raises(BadTarget, match=r"(?i)topic authorization failed"):
        life.batch(sink, rig.rows(PAIRS))


def test_cassandra_with_tls_and_the_rights_of_the_docs(spark: SparkSession, tmp_path: Path) -> None:
    with secure(tmp_path / "stack", "cassandra") as (stack, settings):
        for _ in range(2):  # as each `weir up` does
            cassandra.open_to_clients(stack, settings)
        with closing(PatientSession(cassandra_access.address(stack, cassandra_access.ADMIN), 30.0)) as admin:
            admin.execute("CREATE KEYSPACE bank WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}")
            admin.execute("CREATE TABLE bank.t (name text PRIMARY KEY, n bigint)")
            for right in ("SELECT", "MODIFY"):
                admin.execute(f"GRANT {right} ON bank.t TO {cassandra_access.DRIVER}")

            def seen() -> list[Any]:
                return sorted((row.name, row.n) for row in admin.execute("SELECT name, n FROM bank.t"))

            with closing(Session(driver_address(settings), 30.0)) as session:
                lands(Rig(spark, lambda: CassandraSink(CassandraRows("bank.t"), session), seen, knows=False, upserts=True))


def test_postgresql_with_tls_a_password_and_the_rights_of_the_docs(spark: SparkSession, tmp_path: Path, secure_postgres: Stack) -> None:
    stack = secure_postgres
    ca, password = str(certs.ca_file(stack.home)), tmp_path / "password"
    password.write_text("a secret\n")
    sinks.sql(stack, "CREATE ROLE sink LOGIN PASSWORD 'a secret'; GRANT TEMPORARY ON DATABASE postgres TO sink", ca)
    sinks.sql(stack, "CREATE SCHEMA bank; CREATE TABLE bank.t (name text PRIMARY KEY, n bigint)", ca)
    sinks.sql(stack, "GRANT USAGE, CREATE ON SCHEMA bank TO sink; GRANT SELECT, INSERT, UPDATE ON bank.t TO sink", ca)
    known = {"host": "127.0.0.1", "port": stack.ports["postgres"], "database": "postgres", "user": "sink", "table": "bank.t"}
    settings = Postgresql(**known, mode="upsert", key=("name",), password_file=str(password), ca_file=ca)
    lands(Rig(spark, lambda: PostgresqlSink(settings), lambda: sorted(sinks.sql(stack, "SELECT * FROM bank.t", ca)), upserts=True))
    certs.ensure(tmp_path / "other")
    stranger = PostgresqlSink(replace(settings, ca_file=str(certs.ca_file(tmp_path / "other"))), patience_s=2.0)
    with pytest.raises(Exception, match="certificate verify failed"):
        stranger.fence(Life.begun().head)
