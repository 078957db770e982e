"""Who may do what in the Kafka of a secure stack: TLS on every listener, a SCRAM login for clients, and nothing that is not granted.

The broker and the stack itself know each other by certificates, so that no password is needed to begin with.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.local import certs, secrets
from weir.local.part import LOOPBACK, Stack
from weir.sources.connection import client_options

if TYPE_CHECKING:
    from confluent_kafka.admin import AclBinding, AdminClient

NODE = 1
MECHANISM = "SCRAM-SHA-512"
ITERATIONS = 4096  # Kafka's least, and its default
PATIENCE_S = 60.0
WEIR, DRIVER, INGEST = "kafka_weir", "kafka_driver", "kafka_ingest"
# By user: what it may do with which resource; `*` is every one of them, `NAME*` those that begin so.
RIGHTS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    # Supervision asks for offsets, ids, names and settings of topics; the recount reads; `weir ingest --create` creates.
    WEIR: (
        ("TOPIC", "*", ("DESCRIBE", "DESCRIBE_CONFIGS", "READ", "CREATE")),
        ("GROUP", "weir-reader", ("DESCRIBE",)),  # the client looks for the group's broker, though nothing joins
    ),
    DRIVER: (("TOPIC", "*", ("DESCRIBE", "READ")),),
    INGEST: (
        ("TOPIC", "*", ("DESCRIBE", "DESCRIBE_CONFIGS", "WRITE")),
        ("TOPIC", "weir_ingest", ("READ",)),  # how far each file was sent, committed with the lines
        ("TRANSACTIONAL_ID", "weir-ingest*", ("DESCRIBE", "WRITE")),
        ("GROUP", "weir-ingest*", ("DESCRIBE",)),  # the client looks for the group's broker, though nothing joins
    ),
}


def properties(stack: Stack) -> dict[str, object]:
    """Return the broker's settings that make it secure."""
    client, driver, internal, controller = (stack.address(f"kafka{port}") for port in ("", "_driver", "_internal", "_controller"))
    supers = (certs.subject("kafka"), certs.subject(certs.KAFKA_ADMIN))
    return {
        "listeners": f"CLIENT://{client},DRIVER://{driver},INTERNAL://{internal},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{client},DRIVER://{driver},INTERNAL://{internal}",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,DRIVER:SASL_SSL,INTERNAL:SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "INTERNAL",
        "sasl.enabled.mechanisms": MECHANISM,
        **{f"listener.name.{name}.scram-sha-512.sasl.jaas.config": SCRAM for name in ("client", "driver")},
        **{f"listener.name.{name}.ssl.client.auth": "required" for name in ("internal", "controller")},
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certs.store_file(stack.home, "kafka"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certs.ca_file(stack.home),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": ";".join(f"User:{subject}" for subject in supers),
    }


SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def settings(stack: Stack) -> dict[str, object]:
    """Return the settings by which Weir's clients connect."""
    return {
        "kafka_security": "SASL_SSL",
        "kafka_mechanism": MECHANISM,
        "kafka_ca_file": str(certs.ca_file(stack.home)),
        "kafka_user": WEIR,
        "kafka_password_file": str(secrets.user_file(stack.home, WEIR)),
        "driver_kafka_user": DRIVER,
        "driver_kafka_password_file": str(secrets.user_file(stack.home, DRIVER)),
        "ingest_kafka_user": INGEST,
        "ingest_kafka_password_file": str(secrets.user_file(stack.home, INGEST)),
    }


def owner(stack: Stack) -> KafkaAddress:
    """Return the address by which the stack administers its Kafka."""
    return KafkaAddress(
        servers=stack.address("kafka_internal"),
        security="SSL",
        ca_file=str(certs.ca_file(stack.home)),
        cert_file=str(certs.cert_file(stack.home, certs.KAFKA_ADMIN)),
        key_file=str(certs.key_file(stack.home, certs.KAFKA_ADMIN)),
    )


def grant(client: AdminClient, stack: Stack) -> None:
    """Create the users with their passwords, and what each may do. Safe to repeat. Raises KafkaException."""
    for user in RIGHTS:
        set_password(client, user, stack.secrets[user])
    for asked in client.create_acls(list(_bindings())).values():
        asked.result(PATIENCE_S)


def set_password(client: AdminClient, user: str, password: str) -> None:
    """Create a user, or change the password. Connections that are open stay. Raises KafkaException."""
    from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    wanted = UserScramCredentialUpsertion(user, how, password.encode())
    client.alter_user_scram_credentials([wanted])[user].result(PATIENCE_S)


def await_login(stack: Stack, user: str, password: str) -> None:
    """Wait until the broker accepts a password: it answers a change before it knows it. Raises KafkaException."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    address = KafkaAddress(stack.address("kafka"), "SASL_SSL", MECHANISM, user, ca_file=str(certs.ca_file(stack.home)))
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            AdminClient(client_options(address, password)).list_topics(timeout=2.0)
            return
        except KafkaException:
            if time.monotonic() > end:
                raise


def reload_certificates(client: AdminClient, stack: Stack) -> None:
    """Let the broker read its certificate and the authorities again. Raises KafkaException, TimeoutError.

    The broker looks at changed files whenever a setting of a listener is set, even to what it was. It answers before it has done so.
    """
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

    store, end = str(certs.store_file(stack.home, "kafka")), time.monotonic() + 2 * PATIENCE_S
    wanted = [
        ConfigEntry(f"listener.name.{name}.ssl.keystore.location", store, incremental_operation=AlterConfigOpType.SET)
        for name in ("client", "driver", "internal", "controller")
    ]
    broker = ConfigResource(ConfigResource.Type.BROKER, str(NODE), incremental_configs=wanted)
    while True:
        client.incremental_alter_configs([broker], request_timeout=PATIENCE_S)[broker].result(PATIENCE_S)
        if all(_shows(stack.ports[port], certs.cert_file(stack.home, "kafka").read_text()) for port in ("kafka", "kafka_driver")):
            return
        if time.monotonic() > end:
            raise TimeoutError("it still shows the old one")
        time.sleep(0.2)


def _shows(port: int, certificate: str) -> bool:
    try:
        return ssl.get_server_certificate((LOOPBACK, port), timeout=PATIENCE_S).strip() == certificate.strip()
    except OSError:
        return False


def _bindings() -> Iterator[AclBinding]:
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

    for user, rights in RIGHTS.items():
        for kind, name, operations in rights:
            prefix = name.endswith("*") and name != "*"
            pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
            for operation in operations:
                yield AclBinding(
                    ResourceType[kind], name.rstrip("*") if prefix else name, pattern,
                    f"User:{user}", "*", AclOperation[operation], AclPermissionType.ALLOW,
                )  # fmt: skip
