"""`weir collect rabbitmq | mqtt`: take messages from brokers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from weir.cli.collect_options import (
    Broker,
    Ca,
    Heartbeat,
    Longest,
    MetricsHost,
    MetricsPort,
    PasswordFile,
    Service,
    Size,
    SpoolFolder,
    Tls,
    Topic,
    User,
    key_of,
    run,
)
from weir.errors import BadInput

MESSAGE = 1_000_000
AGAIN = "a message is acknowledged to the broker once it is on disk; one that the broker delivers again may be sent twice"


def rabbitmq(
    queue: Annotated[str, typer.Option("--queue", help="The queue, which must be there.")],
    broker: Broker = "127.0.0.1:5672",
    vhost: Annotated[str, typer.Option("--vhost", help="The virtual host.")] = "/",
    user: User = "guest",
    password_file: PasswordFile = "",
    tls: Tls = False,
    tls_ca: Ca = "",
    prefetch: Annotated[int, typer.Option("--prefetch", min=1, max=65_535, help="Maximum messages that are not acknowledged.")] = 1000,
    service: Service = None,
    topic: Topic = "logs",
    spool: SpoolFolder = None,
    spool_size: Size = 1024,
    longest: Longest = MESSAGE,
    heartbeat: Heartbeat = 60,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Take messages from a queue of RabbitMQ. Needs the extra collect-rabbitmq.

    Example: weir collect rabbitmq --queue logs --service shop
    """
    with _client("pika", "collect-rabbitmq"):
        from weir.collect.senders import rabbitmq as consumer
    from weir.collect.tls import client_context, password

    host, port = _address(broker, 5672)
    asked = consumer.Asked(
        host, port, queue, key_of("rabbitmq", service), longest, prefetch, vhost, user,
        password(password_file) or "guest", client_context(tls, tls_ca), heartbeat,
    )  # fmt: skip
    run(
        lambda intake, counters, seldom: [consumer.RabbitSender(asked, intake, counters, seldom)],
        AGAIN, "rabbitmq", topic, spool, spool_size, metrics_host, metrics_port,
    )  # fmt: skip


def mqtt(
    filters: Annotated[list[str], typer.Option("--subscribe", metavar="FILTER", help="A topic of MQTT, also with + and #. Repeatable.")],
    broker: Broker = "127.0.0.1:1883",
    client_id: Annotated[str, typer.Option("--client-id", help="Names the session at the broker. Default: of this machine.")] = "",
    v311: Annotated[bool, typer.Option("--v311", help="Speak MQTT 3.1.1 and not 5.")] = False,
    user: User = "",
    password_file: PasswordFile = "",
    tls: Tls = False,
    tls_ca: Ca = "",
    in_flight: Annotated[int, typer.Option("--in-flight", min=1, max=65_535, help="Maximum messages that are not acknowledged.")] = 1000,
    service: Service = None,
    topic: Topic = "logs",
    spool: SpoolFolder = None,
    spool_size: Size = 1024,
    longest: Longest = MESSAGE,
    heartbeat: Heartbeat = 60,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Take messages from an MQTT broker with QoS 1. Needs the extra collect-mqtt.

    Example: weir collect mqtt --subscribe 'sensors/#' --service sensors
    """
    with _client("paho", "collect-mqtt"):
        from weir.collect.senders import mqtt as subscriber
    from weir.collect.tls import client_context, password

    host, port = _address(broker, 1883)
    asked = subscriber.Asked(
        host, port, tuple(filters), client_id or f"weir-{socket.gethostname()}", key_of("mqtt", service), longest, in_flight,
        not v311, user, password(password_file), client_context(tls, tls_ca), heartbeat,
    )  # fmt: skip
    run(
        lambda intake, counters, seldom: [subscriber.MqttSender(asked, intake, counters, seldom)],
        f"{AGAIN}; a message that was published with QoS 0 has no acknowledgement",
        "mqtt", topic, spool, spool_size, metrics_host, metrics_port,
    )  # fmt: skip


@contextmanager
def _client(package: str, extra: str) -> Iterator[None]:
    """Raise Prerequisite if a client is not installed."""
    from weir.errors import Prerequisite

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise Prerequisite(f"The Python package {package} is not installed.", f"Install it: pip install 'weir[{extra}]'") from None


def _address(text: str, usual: int) -> tuple[str, int]:
    """Return host and port of HOST[:PORT]. Raises BadInput."""
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(usual))
    if not host or not port.isdigit():
        raise BadInput(f"--broker: {text} is not an address.", "Write it as HOST:PORT.")
    return host, int(port)
