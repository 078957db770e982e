"""`weir collect KIND`: take lines from senders, keep them on disk, send them to the topic."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weir.errors import BadInput
from weir.output import say
from weir.settings import Settings, home

if TYPE_CHECKING:
    from weir.collect.run import Senders

collect = typer.Typer(name="collect", help="Take lines by TCP, syslog, RabbitMQ or MQTT, keep them on disk, send each to the topic once.")
Service = Annotated[str | None, typer.Option("--service", help="The service of the lines: the records' key. Default: the kind.")]
Topic = Annotated[str, typer.Option("--topic", help="The topic.")]
SpoolFolder = Annotated[
    Path | None,
    typer.Option("--spool", metavar="FOLDER", help="The folder of the spool, on a local disk. Default: collect/KIND in WEIR_HOME."),
]
Size = Annotated[
    int, typer.Option("--spool-size", metavar="MIB", min=64, help="Size of the spool. When it is full, senders are held back.")
]
Host = Annotated[str, typer.Option("--host", help="The address to listen on. Without TLS there is no authentication.")]
Connections = Annotated[int, typer.Option("--connections", min=1, help="Maximum open connections.")]
Idle = Annotated[
    float, typer.Option("--idle", metavar="SECONDS", min=0, help="Close a connection that sent nothing for so long. 0: never.")
]
Longest = Annotated[
    int, typer.Option("--longest", metavar="BYTES", min=1, max=1_000_000, help="The longest line; longer ones are dropped.")
]
Cert = Annotated[str, typer.Option("--tls-cert", metavar="FILE", help="Certificate of the server in PEM, with its chain: use TLS.")]
Key = Annotated[str, typer.Option("--tls-key", metavar="FILE", help="Its private key.")]
ClientCa = Annotated[str, typer.Option("--tls-client-ca", metavar="FILE", help="Accept only senders with a certificate of this authority.")]
MetricsPort = Annotated[int | None, typer.Option("--metrics-port", min=0, max=65_535, help="Serve /metrics and /health; 0: any free port.")]
MetricsHost = Annotated[str, typer.Option("--metrics-host", help="The address of --metrics-port. There is no authentication.")]
LINE = 65_536
UNHEARD = "the protocol has no acknowledgement: what a sender wrote and the collector had not read when it or the connection ended is lost"


@collect.command()
def tcp(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port; 0 for any free one.")] = 5170,
    host: Host = "127.0.0.1",
    framing: Annotated[str, typer.Option("--framing", help="lines (LF), octets (RFC 6587), or auto: by the first byte.")] = "lines",
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="Write back `SAFE DROPPED` after each write to the disk: lines of this connection so far.")
    ] = False,
    service: Service = None,
    topic: Topic = "logs",
    spool: SpoolFolder = None,
    spool_size: Size = 1024,
    connections: Connections = 1000,
    idle: Idle = 3600.0,
    longest: Longest = LINE,
    tls_cert: Cert = "",
    tls_key: Key = "",
    tls_client_ca: ClientCa = "",
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Take lines from TCP connections. Replaces nc -lk.

    Example: weir collect tcp --port 5170 --service web
    """
    from weir.collect.senders import tcp as server
    from weir.collect.senders.framing import FRAMINGS
    from weir.collect.tls import server_context

    if framing not in FRAMINGS:
        raise BadInput(f"--framing: {framing} is not one of {', '.join(FRAMINGS)}.", "Choose one of them.")
    asked = server.Asked(host, port, server_context(tls_cert, tls_key, tls_client_ca), connections, idle, acknowledge)
    framer = partial(FRAMINGS[framing], (service or "tcp").encode(), longest)
    heard = "each sender is told how many of its lines are on disk" if acknowledge else UNHEARD
    _run(
        lambda intake, counters, seldom: [server.TcpServer(asked, framer, intake, counters, seldom)],
        heard, "tcp", topic, spool, spool_size, metrics_host, metrics_port,
    )  # fmt: skip


@collect.command()
def syslog(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port, of TCP and UDP.")] = 5514,
    host: Host = "127.0.0.1",
    with_tcp: Annotated[bool, typer.Option("--tcp/--no-tcp", help="Listen on TCP, or TLS if there is a certificate.")] = True,
    with_udp: Annotated[bool, typer.Option("--udp/--no-udp", help="Listen on UDP.")] = True,
    service: Service = None,
    topic: Topic = "logs",
    spool: SpoolFolder = None,
    spool_size: Size = 1024,
    connections: Connections = 1000,
    idle: Idle = 3600.0,
    longest: Longest = LINE,
    tls_cert: Cert = "",
    tls_key: Key = "",
    tls_client_ca: ClientCa = "",
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Take syslog messages (RFC 5424 and 3164) from TCP, TLS and UDP. A message goes to the topic as it is.

    Example: weir collect syslog --port 5514 --service system
    """
    from weir.collect.senders import tcp as server
    from weir.collect.senders.framing import Either
    from weir.collect.senders.udp import UdpServer
    from weir.collect.tls import server_context

    if not with_tcp and not with_udp:
        raise BadInput("--no-tcp and --no-udp leave nothing to listen on.", "Give one of them.")
    asked = server.Asked(host, port, server_context(tls_cert, tls_key, tls_client_ca), connections, idle)
    name = (service or "syslog").encode()
    lost = "; datagrams that the kernel has no room for are lost" if with_udp else ""

    def senders(intake, counters, seldom):  # type: ignore[no-untyped-def]
        of_tcp = [server.TcpServer(asked, partial(Either, name, longest), intake, counters, seldom)] if with_tcp else []
        return [*of_tcp, *([UdpServer(host, port, name, longest, intake, counters, seldom)] if with_udp else [])]

    _run(senders, f"{UNHEARD}{lost}", "syslog", topic, spool, spool_size, metrics_host, metrics_port)


@collect.command()
def files(
    tail: Annotated[str, typer.Option("--tail", metavar="GLOB", help="The files, such as '/var/log/app/*.log'; not their rotated names.")],
    service: Annotated[str | None, typer.Option("--service", help="The service of all lines. Default: each file's stem.")] = None,
    topic: Topic = "logs",
) -> None:
    """Follow files, as `weir ingest FILE --follow` does, with a process for each file. A new file is found within 5 s.

    Example: weir collect files --tail '/var/log/apache2/*.log'
    """
    from weir.collect.files import Followers
    from weir.collect.notify import notify

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    say(f"collecting files: a weir ingest --follow for each file of {tail}; lines are on disk in the file itself, and each is sent once")
    notify("READY=1")
    options = [*(["--service", service] if service else []), "--topic", topic]
    Followers(tail, options, say).run(stopping)


Broker = Annotated[str, typer.Option("--broker", metavar="HOST:PORT", help="The broker.")]
User = Annotated[str, typer.Option("--user", help="The user at the broker.")]
PasswordFile = Annotated[str, typer.Option("--password-file", metavar="FILE", help="The file with the user's password.")]
Tls = Annotated[bool, typer.Option("--tls", help="Use TLS.")]
Ca = Annotated[str, typer.Option("--tls-ca", metavar="FILE", help="Authority of the broker's certificate. Default: those of the system.")]
MESSAGE = 1_000_000
AGAIN = "a message is acknowledged to the broker once it is on disk; one that the broker delivers again may be sent twice"


@collect.command()
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
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Take messages from a queue of RabbitMQ. Needs weir[collect-rabbitmq].

    Example: weir collect rabbitmq --queue logs --service shop
    """
    with _client("pika", "collect-rabbitmq"):
        from weir.collect.senders import rabbitmq as consumer
    from weir.collect.tls import client_context, password

    host, port = _address(broker, 5672)
    asked = consumer.Asked(
        host, port, queue, (service or "rabbitmq").encode(), longest, prefetch, vhost, user,
        password(password_file) or "guest", client_context(tls, tls_ca),
    )  # fmt: skip
    _run(
        lambda intake, counters, seldom: [consumer.RabbitSender(asked, intake, counters, seldom)],
        AGAIN, "rabbitmq", topic, spool, spool_size, metrics_host, metrics_port,
    )  # fmt: skip


@collect.command()
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
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Take messages from an MQTT broker with QoS 1. Needs weir[collect-mqtt].

    Example: weir collect mqtt --subscribe 'sensors/#' --service sensors
    """
    with _client("paho", "collect-mqtt"):
        from weir.collect.senders import mqtt as subscriber
    from weir.collect.tls import client_context, password

    host, port = _address(broker, 1883)
    asked = subscriber.Asked(
        host, port, tuple(filters), client_id or f"weir-{socket.gethostname()}", (service or "mqtt").encode(), longest, in_flight,
        not v311, user, password(password_file), client_context(tls, tls_ca),
    )  # fmt: skip
    _run(
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


def _run(
    senders: Senders, heard: str, kind: str, topic: str, spool: Path | None, size_mib: int, metrics_host: str, metrics_port: int | None
) -> None:
    """Run a collector until a signal ends it."""
    from weir.collect.run import Asked, Collector

    folder = spool or home() / "collect" / kind
    collector = Collector(Asked(folder, topic, size_mib, metrics_host, metrics_port), Settings.load(), say)

    def ready(where: str) -> None:
        say(f"collecting {kind} on {where} for the topic {topic}, spool {folder}; {heard}")

    asyncio.run(collector.run(senders, ready))
