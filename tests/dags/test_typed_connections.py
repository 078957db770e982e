"""A user's connections to Cassandra and Kafka become Weir's settings; their secrets become files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection

from weir.airflow import session
from weir.airflow.typed_connections import with_cassandra, with_kafka
from weir.errors import BadSetting
from weir.settings import Settings

HERE = Settings(home="/nowhere", driver_kafka="here:1", cassandra_datacenter="dc1")


def connection(**fields: Any) -> Connection:
    return Connection.from_json(json.dumps({"conn_type": "generic", **fields}))


def kept(name: str, secret: str) -> str:
    return f"/kept/{name}/{len(secret)}"


def test_a_connection_to_cassandra() -> None:
    extra = {"tls": True, "ca_file": "/ca.pem", "driver_user": "d", "driver_password_file": "/run/d"}
    found = with_cassandra(HERE, connection(host="a, b", port=9142, schema="ks", login="weir", password="s3cret", extra=extra), kept)
    assert (found.cassandra_hosts, found.cassandra_port, found.cassandra_keyspace) == ("a,b", 9142, "ks")
    assert (found.cassandra_user, found.cassandra_password_file) == ("weir", "/kept/weir_cassandra/6")
    assert (found.cassandra_tls, found.cassandra_ca_file, found.driver_cassandra_user) == (True, "/ca.pem", "d")
    assert found.cassandra_datacenter == "dc1" and "s3cret" not in repr(found)


def test_a_connection_to_kafka() -> None:
    extra = {"security": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "ca_file": "/ca.pem"}
    found = with_kafka(HERE, connection(host="k1,k2:9093", login="weir", password="s3cret", extra=extra), kept)
    assert (found.kafka, found.driver_kafka, found.kafka_security) == ("k1:9092,k2:9093", "", "SASL_SSL")
    assert (found.kafka_user, found.kafka_password_file) == ("weir", "/kept/weir_kafka/6")


def test_a_connection_of_the_kafka_providers_type() -> None:
    extra = {
        "bootstrap.servers": "k:9093", "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
        "sasl.username": "u", "sasl.password": "s3cret", "ssl.ca.location": "/ca.pem",
    }  # fmt: skip
    found = with_kafka(HERE, connection(conn_type="kafka", extra=extra), kept)
    assert (found.kafka, found.kafka_mechanism, found.kafka_user, found.kafka_ca_file) == ("k:9093", "PLAIN", "u", "/ca.pem")
    assert found.kafka_password_file == "/kept/weir_kafka-kafka_password_file/6"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"extra": {"cafile": "/ca"}}, "extra cafile is unknown"),
        ({"extra": {"ca_file": "ca.pem"}}, "cassandra_ca_file is a relative path"),
        ({"extra": {"tls": "perhaps"}}, "cassandra_tls is neither true nor false"),
        ({"host": "a b"}, "cassandra_hosts has 'a b'"),
    ],
)
def test_what_cannot_work_names_connection_and_field(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSetting, match=f"Connection weir_cassandra: {says}"):
        with_cassandra(HERE, connection(**fields), kept)


def test_airflow_uses_them_and_only_their_owner_can_read_the_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_WEIR_CASSANDRA", json.dumps({"conn_type": "generic", "login": "weir", "password": "s3cret"}))
    found = session.settings()
    file = Path(found.cassandra_password_file)
    assert (found.cassandra_user, file.read_text(), oct(file.stat().st_mode & 0o777)) == ("weir", "s3cret", "0o600")
    assert (found.kafka_user, file.parent.parent) == ("", tmp_path)
