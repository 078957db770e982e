"""Kafka: one KRaft node that is broker and controller. The first start formats its folder; `topic()` creates `logs`."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.addresses import kafka_address
from weir.errors import StackFailed
from weir.local import folder, jars, kafka_access
from weir.local.kafka_access import NODE
from weir.local.part import IPV4, PROBE_S, Part, Stack, java, late, properties, told
from weir.local.process import run
from weir.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

TOPIC = "logs"
PARTITIONS = 4
MAX_MESSAGE = 2 * 1024 * 1024  # a line of 1 MiB, its key, headers and batch overhead; the broker's default refuses it
JVM = (
    "-Xms64m", "-Xmx384m",  # 0.3 GiB resident when it is up; the default is 1 GiB
    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",  # two cores: no threads for G1 and C2 while everything starts
    "-Xshare:auto", "-Djava.awt.headless=true", IPV4,
)  # fmt: skip


def part(stack: Stack) -> Part:
    folder = stack.folder("kafka")
    return Part(
        name="kafka",
        address=stack.address("kafka"),
        command=(
            java(),
            *JVM,
            f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}",
            "kafka.Kafka",
            str(_config(folder)),
        ),
        env=_env(stack),
        log=stack.log("kafka"),
        probe=told(lambda: _probe(stack)),
        prepare=lambda: _prepare(stack),
        ready_s=180,
        stop_s=30,
        cwd=folder,
    )


def _env(stack: Stack) -> dict[str, str]:
    # CLASSPATH instead of -cp keeps the line in `ps` readable.
    return stack.env(CLASSPATH=os.pathsep.join(str(jar.path) for jar in jars.locked("kafka")))


def _config(folder: Path) -> Path:
    return folder / "server.properties"


def _prepare(stack: Stack) -> None:
    folder = stack.folder("kafka")
    (folder / "log4j2.properties").write_text(LOG4J)
    secure = kafka_access.properties(stack) if stack.secure else {}
    _config(folder).write_text(properties(_properties(stack) | secure))
    if not (folder / "data" / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # As one argument: one id in 64 starts with a dash and would be taken for an option.
        tool = (java(), *JVM, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(_config(folder)))
        run(tool, stack.log("kafka-format"), _env(stack), folder, timeout=60)


def _properties(stack: Stack) -> dict[str, object]:
    client, driver, controller = (stack.address(port) for port in ("kafka", "kafka_driver", "kafka_controller"))
    return {
        "process.roles": "broker,controller",
        "node.id": NODE,
        # A static voter, not --standalone: then the folder contains no address, and the port may change at the next start.
        "controller.quorum.voters": f"{NODE}@{controller}",
        "controller.listener.names": "CONTROLLER",
        # Drivers have a separate port: the drill can cut Kafka from them alone, or from all others.
        "listeners": f"PLAINTEXT://{client},DRIVER://{driver},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{client},DRIVER://{driver}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,DRIVER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": stack.home / "kafka" / "data",
        "num.partitions": PARTITIONS,
        "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
        "message.max.bytes": MAX_MESSAGE,
        "replica.fetch.max.bytes": MAX_MESSAGE,
        "log.message.timestamp.type": "LogAppendTime",  # the future-skew rule measures lines against the broker's clock
        # Bounded, and generous enough for a recount of a week: 4 x 2 GiB, 7 days.
        "log.retention.hours": 168,
        "log.retention.bytes": 2 * 1024**3,
        "log.segment.bytes": 128 * 1024**2,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,  # 50 by default: 50 logs to open at each start
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A killed broker comes back only when its old session has ended: 9 s by default. One node may be fenced for a moment.
        "broker.heartbeat.interval.ms": 1000,
        "broker.session.timeout.ms": 4000,
        "controlled.shutdown.enable": "false",  # one node: there is no other broker for its partitions
    }


LOG4J = """\
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=WARN
logger.kafkaconfig.name=kafka.server.KafkaConfig
logger.kafkaconfig.level=WARN
"""


def admin(address: KafkaAddress | str, patience_s: float = 10.0) -> AdminClient:
    from confluent_kafka.admin import AdminClient

    from weir.sources.connection import client_options

    return AdminClient({**client_options(address), "socket.timeout.ms": int(1000 * patience_s)})


def owner(stack: Stack) -> KafkaAddress:
    """Return the address by which the stack itself administers its Kafka: what is allowed to nobody else."""
    return kafka_access.owner(stack) if stack.secure else KafkaAddress(stack.address("kafka"))


def owner_of(settings: Settings) -> KafkaAddress:
    """Return the address that may administer the Kafka of these settings, as far as the stack in their state folder is its owner."""
    stack = folder.load(Path(settings.home)) if folder.known(Path(settings.home)) else None
    ours = stack is not None and settings.kafka == stack.address("kafka")
    return owner(stack) if stack and ours else kafka_address(settings)


def open_to_clients(stack: Stack) -> None:
    """Create the topics, and in a secure stack the users and what they may do. Safe to repeat. Raises KafkaException."""
    client = admin(owner(stack))
    if stack.secure:
        kafka_access.grant(client, stack)
    topic(client)
    late("weir.ingest.positions", "create")(client)


def _probe(stack: Stack) -> str:
    from confluent_kafka import KafkaException

    try:
        seen = admin(owner(stack)).list_topics(timeout=PROBE_S)
    except KafkaException as error:
        return f"does not answer ({error.args[0].str()})"
    return "" if seen.brokers else "has no broker yet"


def set_password(stack: Stack, user: str, password: str) -> None:
    """Change a user's password. Connections that are open stay. Returns when the broker accepts it. Raises StackFailed."""
    with _told("change a password"):
        kafka_access.set_password(admin(owner(stack)), user, password)
        kafka_access.await_login(stack, user, password)


def reload_certificates(stack: Stack) -> None:
    """Let the running broker read its certificate and the authorities again. Returns when clients are shown the new certificate.

    Raises StackFailed.
    """
    with _told("read its certificate again"):
        kafka_access.reload_certificates(admin(owner(stack), kafka_access.PATIENCE_S), stack)  # it took 8 s on a busy machine


@contextmanager
def _told(what: str) -> Iterator[None]:
    from confluent_kafka import KafkaException

    try:
        yield
    except (KafkaException, TimeoutError) as error:
        raise StackFailed(f"Kafka did not {what}: {error}.", "See `weir status`, then repeat the command.") from error


def topic(client: AdminClient, name: str = TOPIC) -> bool:
    """Create a topic if it does not exist, whose records have the time of appending.

    Return True if it was created. Raises KafkaException.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic

    new = NewTopic(
        name, num_partitions=PARTITIONS, replication_factor=1,
        config={"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MAX_MESSAGE)},
    )  # fmt: skip
    try:
        client.create_topics([new], operation_timeout=30)[name].result(30)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True
