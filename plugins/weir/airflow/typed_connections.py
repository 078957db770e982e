"""Convert the user's connections `weir_cassandra` and `weir_kafka` to Weir's settings. Pure: `keep` stores a secret and returns its file.

A field of the connection wins over the setting; what it does not name stays as the settings say. docs/security.md has the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from weir.connection import Connection
from weir.errors import BadSetting
from weir.setting_rules import RULES
from weir.settings import Settings

CASSANDRA, KAFKA = "weir_cassandra", "weir_kafka"
Keep = Callable[[str, str], str]  # a name and a secret -> the file that has it
OF_CASSANDRA = ("datacenter", "tls", "ca_file", "cert_file", "key_file", "password_file")
OF_KAFKA = (
    "security", "mechanism", "ca_file", "cert_file", "key_file", "password_file", "token_url", "client_id", "client_secret_file",
)  # fmt: skip
OF_DRIVERS = ("user", "password_file")
# What a connection of the Kafka provider's type has in its extra, by librdkafka's names.
LIBRDKAFKA = {
    "bootstrap.servers": "kafka",
    "security.protocol": "kafka_security",
    "sasl.mechanism": "kafka_mechanism",
    "sasl.mechanisms": "kafka_mechanism",
    "sasl.username": "kafka_user",
    "ssl.ca.location": "kafka_ca_file",
    "ssl.certificate.location": "kafka_cert_file",
    "ssl.key.location": "kafka_key_file",
    "sasl.oauthbearer.client.id": "kafka_client_id",
    "sasl.oauthbearer.token.endpoint.url": "kafka_token_url",
}
SECRETS = {"sasl.password": "kafka_password_file", "sasl.oauthbearer.client.secret": "kafka_client_secret_file"}


def with_cassandra(settings: Settings, connection: Connection, keep: Keep) -> Settings:
    """Return `settings` with what the connection names. Raises BadSetting, which names connection and field."""
    extra = dict(connection.extra_dejson)
    _known(CASSANDRA, extra, {*OF_CASSANDRA, *(f"driver_{name}" for name in OF_DRIVERS)})
    found = {f"cassandra_{name}": extra[name] for name in OF_CASSANDRA if name in extra}
    found |= _of_drivers(extra, "cassandra")
    fields = {"cassandra_hosts": connection.host, "cassandra_port": connection.port, "cassandra_keyspace": connection.schema}
    found |= {name: value for name, value in fields.items() if value}
    return _changed(settings, CASSANDRA, found | _login(CASSANDRA, "cassandra", connection, keep))


def with_kafka(settings: Settings, connection: Connection, keep: Keep) -> Settings:
    """Return `settings` with what the connection names, by Weir's names or by those of the Kafka provider. Raises BadSetting."""
    extra = dict(connection.extra_dejson)
    _known(KAFKA, extra, {*OF_KAFKA, *(f"driver_{name}" for name in OF_DRIVERS), "driver_servers", *LIBRDKAFKA, *SECRETS})
    found: dict[str, Any] = {name: extra[key] for key, name in LIBRDKAFKA.items() if key in extra}
    found |= {name: keep(f"{KAFKA}-{name}", str(extra[key])) for key, name in SECRETS.items() if key in extra}
    found |= {f"kafka_{name}": extra[name] for name in OF_KAFKA if name in extra}
    found |= _of_drivers(extra, "kafka") | ({"driver_kafka": extra["driver_servers"]} if "driver_servers" in extra else {})
    if connection.host:
        found["kafka"] = ",".join(_with_port(host.strip(), connection.port or 9092) for host in connection.host.split(","))
    if "kafka" in found and "driver_kafka" not in found:
        found["driver_kafka"] = ""  # the one of the settings is of another Kafka
    return _changed(settings, KAFKA, found | _login(KAFKA, "kafka", connection, keep))


def _login(conn_id: str, system: str, connection: Connection, keep: Keep) -> dict[str, Any]:
    found: dict[str, Any] = {f"{system}_user": connection.login} if connection.login else {}
    if connection.password:
        found[f"{system}_password_file"] = keep(conn_id, connection.password)
    return found


def _of_drivers(extra: Mapping[str, Any], system: str) -> dict[str, Any]:
    return {f"driver_{system}_{name}": extra[f"driver_{name}"] for name in OF_DRIVERS if f"driver_{name}" in extra}


def _with_port(host: str, port: int) -> str:
    return host if host.rpartition(":")[2].isdecimal() and host.count(":") == 1 else f"{host}:{port}"


def _known(conn_id: str, extra: Mapping[str, Any], names: set[str]) -> None:
    """Raise BadSetting for a field that nothing reads: a misspelt `ca_file` must not mean another authority."""
    if unknown := sorted(set(extra) - names):
        raise BadSetting(f"Connection {conn_id}: extra {unknown[0]} is unknown.", f"Weir reads: {', '.join(sorted(names))}.")


def _changed(settings: Settings, conn_id: str, found: Mapping[str, Any]) -> Settings:
    values: dict[str, Any] = {}
    for name, value in found.items():
        try:
            values[name] = RULES[name](str(value)) if value != "" else ""
        except ValueError as error:
            raise BadSetting(f"Connection {conn_id}: {name} {str(error).rpartition('. ')[0]}.", "Correct the connection.") from None
    return replace(settings, **values)
