"""Where the store is that drivers and supervision share, and who logs in there, as the settings say."""

from __future__ import annotations

from dataclasses import replace

from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.errors import BadSetting
from weir.settings import Settings


def address(settings: Settings) -> CassandraAddress:
    """Return the address of the store for supervision and the command line. Raises BadSetting."""
    _fit(settings)
    return CassandraAddress(
        hosts=tuple(host.strip() for host in settings.cassandra_hosts.split(",") if host.strip()),
        port=settings.cassandra_port,
        keyspace=settings.cassandra_keyspace,
        datacenter=settings.cassandra_datacenter,
        user=settings.cassandra_user,
        password_file=settings.cassandra_password_file,
        tls=settings.cassandra_tls,
        ca_file=settings.cassandra_ca_file,
        cert_file=settings.cassandra_cert_file,
        key_file=settings.cassandra_key_file,
    )


def driver_address(settings: Settings) -> CassandraAddress:
    """Return the address of the store for drivers, with their own user if there is one. Raises BadSetting."""
    ours, user, file = address(settings), settings.driver_cassandra_user, settings.driver_cassandra_password_file
    _pair("WEIR_DRIVER_CASSANDRA", user, file)
    return replace(ours, user=user, password_file=file, login="WEIR_DRIVER_CASSANDRA") if user else ours


def _fit(settings: Settings) -> None:
    """Raise BadSetting for settings that contradict each other: what they ask for must not be left out silently."""
    _pair("WEIR_CASSANDRA", settings.cassandra_user, settings.cassandra_password_file)
    if settings.cassandra_key_file and not settings.cassandra_cert_file:
        raise BadSetting("WEIR_CASSANDRA_KEY_FILE is set, and WEIR_CASSANDRA_CERT_FILE is not.", "Set both, or none.")
    files = {"CA": settings.cassandra_ca_file, "CERT": settings.cassandra_cert_file}
    if not settings.cassandra_tls and (name := next((name for name, file in files.items() if file), "")):
        raise BadSetting(f"WEIR_CASSANDRA_{name}_FILE is set, and WEIR_CASSANDRA_TLS is not.", "Set WEIR_CASSANDRA_TLS=true.")


def _pair(login: str, user: str, file: str) -> None:
    if bool(user) != bool(file):
        there, lacks = ("USER", "PASSWORD_FILE") if user else ("PASSWORD_FILE", "USER")
        raise BadSetting(f"{login}_{there} is set, and {login}_{lacks} is not.", "Set both, or none.")


def kafka_address(settings: Settings) -> KafkaAddress:
    """Return the address of Kafka for the supervisor and the command line. Raises BadSetting."""
    _fit_kafka(settings)
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
    """Return the address of Kafka for drivers, with their own login if there is one. Raises BadSetting."""
    found = replace(kafka_address(settings), servers=settings.driver_kafka or settings.kafka)
    return _as_user(found, "WEIR_DRIVER_KAFKA", settings.driver_kafka_user, settings.driver_kafka_password_file)


def ingest_kafka_address(settings: Settings) -> KafkaAddress:
    """Return the address of Kafka for `weir ingest`, with its own login if there is one. Raises BadSetting."""
    return _as_user(kafka_address(settings), "WEIR_INGEST_KAFKA", settings.ingest_kafka_user, settings.ingest_kafka_password_file)


def _fit_kafka(settings: Settings) -> None:
    """Raise BadSetting for settings that contradict each other."""
    security, mechanism = settings.kafka_security, settings.kafka_mechanism
    _pair("WEIR_KAFKA", settings.kafka_user, settings.kafka_password_file)
    if bool(settings.kafka_cert_file) != bool(settings.kafka_key_file):
        there, lacks = ("CERT", "KEY") if settings.kafka_cert_file else ("KEY", "CERT")
        raise BadSetting(f"WEIR_KAFKA_{there}_FILE is set, and WEIR_KAFKA_{lacks}_FILE is not.", "Set both, or none.")
    for name, file in (("CA", settings.kafka_ca_file), ("CERT", settings.kafka_cert_file)):
        if file and not security.endswith("SSL"):
            raise BadSetting(f"WEIR_KAFKA_{name}_FILE is set, and WEIR_KAFKA_SECURITY is {security}.", "Set it to SSL or SASL_SSL.")
    if mechanism and not security.startswith("SASL"):
        raise BadSetting(f"WEIR_KAFKA_MECHANISM is set, and WEIR_KAFKA_SECURITY is {security}.", "Set it to SASL_SSL or SASL_PLAINTEXT.")
    if security.startswith("SASL") and not mechanism:
        raise BadSetting(f"WEIR_KAFKA_SECURITY is {security}, and WEIR_KAFKA_MECHANISM is not set.", "Set it.")
    wanted = ("kafka_token_url", "kafka_client_id", "kafka_client_secret_file") if mechanism == "OAUTHBEARER" else ("kafka_user",)
    for name in wanted if mechanism else ():
        if not getattr(settings, name):
            raise BadSetting(f"WEIR_KAFKA_MECHANISM is {mechanism}, and WEIR_{name.upper()} is not set.", "Set it.")


def _as_user(address: KafkaAddress, login: str, user: str, password_file: str) -> KafkaAddress:
    """Return the address with a login of its own. A file alone is where the same user's password is on the machines of drivers."""
    if user and not password_file:
        raise BadSetting(f"{login}_USER is set, and {login}_PASSWORD_FILE is not.", "Set both.")
    return replace(address, user=user or address.user, password_file=password_file or address.password_file)
