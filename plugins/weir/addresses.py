"""Where the parts are that drivers and supervision share, as the settings say."""

from __future__ import annotations

from dataclasses import replace

from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.settings import Settings


def address(settings: Settings) -> CassandraAddress:
    """Return the address of the store."""
    return CassandraAddress(
        hosts=tuple(settings.cassandra_hosts.split(",")),
        port=settings.cassandra_port,
        keyspace=settings.cassandra_keyspace,
        datacenter=settings.cassandra_datacenter,
        user=settings.cassandra_user,
        password_file=settings.cassandra_password_file,
    )


def kafka_address(settings: Settings) -> KafkaAddress:
    """Return the address of Kafka for the supervisor and the command line."""
    return KafkaAddress(
        servers=settings.kafka,
        security=settings.kafka_security,
        mechanism=settings.kafka_mechanism,
        user=settings.kafka_user,
        password_file=settings.kafka_password_file,
        ca_file=settings.kafka_ca_file,
        cert_file=settings.kafka_cert_file,
        key_file=settings.kafka_key_file,
        token_url=settings.kafka_token_url,
        client_id=settings.kafka_client_id,
        client_secret_file=settings.kafka_client_secret_file,
    )


def driver_kafka_address(settings: Settings) -> KafkaAddress:
    """Return the address of Kafka for drivers, with their own login if there is one."""
    found = replace(kafka_address(settings), servers=settings.driver_kafka or settings.kafka)
    return _as_user(found, settings.driver_kafka_user, settings.driver_kafka_password_file)


def ingest_kafka_address(settings: Settings) -> KafkaAddress:
    """Return the address of Kafka for `weir ingest`, with its own login if there is one."""
    return _as_user(kafka_address(settings), settings.ingest_kafka_user, settings.ingest_kafka_password_file)


def _as_user(address: KafkaAddress, user: str, password_file: str) -> KafkaAddress:
    return replace(address, user=user, password_file=password_file or address.password_file) if user else address
