"""`weir collect KIND`: take lines from senders, keep them on disk, send them to the topic."""

from __future__ import annotations

import signal
import threading
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from weir.cli.collect_options import (
    Cert,
    ClientCa,
    Connections,
    Host,
    Idle,
    Keepalive,
    Key,
    Longest,
    MetricsHost,
    MetricsPort,
    Service,
    Size,
    SpoolFolder,
    Topic,
    key_of,
    run,
)
from weir.errors import BadInput
from weir.output import say
from weir.settings import Settings

collect = typer.Typer(name="collect", help="Take lines by TCP, syslog, RabbitMQ or MQTT, keep them on disk, send each to the topic once.")
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
    keepalive: Keepalive = 120,
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
    from weir.collect.senders.connection import Asked
    from weir.collect.senders.framing import FRAMINGS
    from weir.collect.senders.tcp import TcpServer
    from weir.collect.tls import server_context

    if framing not in FRAMINGS:
        raise BadInput(f"--framing: {framing} is not one of {', '.join(FRAMINGS)}.", "Choose one of them.")
    asked = Asked(host, port, server_context(tls_cert, tls_key, tls_client_ca), connections, idle, acknowledge, keepalive)
    framer = partial(FRAMINGS[framing], key_of("tcp", service), longest)
    heard = "after each write to disk, the collector writes back how many lines of the connection are safe" if acknowledge else UNHEARD
    run(
        lambda intake, counters, seldom: [TcpServer(asked, framer, intake, counters, seldom)],
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
    keepalive: Keepalive = 120,
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
    from weir.collect.senders.connection import Asked
    from weir.collect.senders.framing import Either
    from weir.collect.senders.tcp import TcpServer
    from weir.collect.senders.udp import UdpServer
    from weir.collect.tls import server_context

    if not with_tcp and not with_udp:
        raise BadInput("--no-tcp and --no-udp leave nothing to listen on.", "Give one of them.")
    asked = Asked(host, port, server_context(tls_cert, tls_key, tls_client_ca), connections, idle, vanished_s=keepalive)
    name = key_of("syslog", service)
    lost = "; datagrams that the kernel has no room for are lost" if with_udp else ""

    def senders(intake, counters, seldom):  # type: ignore[no-untyped-def]
        of_tcp = [TcpServer(asked, partial(Either, name, longest), intake, counters, seldom)] if with_tcp else []
        return [*of_tcp, *([UdpServer(host, port, name, longest, intake, counters, seldom)] if with_udp else [])]

    run(senders, f"{UNHEARD}{lost}", "syslog", topic, spool, spool_size, metrics_host, metrics_port)


@collect.command()
def files(
    tail: Annotated[str, typer.Option("--tail", metavar="GLOB", help="The files, such as '/var/log/app/*.log'; not their rotated names.")],
    service: Annotated[str | None, typer.Option("--service", help="The service of all lines. Default: each file's stem.")] = None,
    topic: Topic = "logs",
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Follow files, as `weir ingest FILE --follow` does, with a process for each file. A new file is found within 5 s.

    Example: weir collect files --tail '/var/log/apache2/*.log'
    """
    from weir.cli.ingest import service_of
    from weir.collect.file_metrics import FileMetrics
    from weir.collect.files import Followers
    from weir.collect.notify import notify
    from weir.ingest.position import key_of

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    followers = Followers(tail, [*(["--service", service] if service else []), "--topic", topic], say)
    if metrics_port is not None:
        of_files = FileMetrics(followers, lambda file: key_of(Path(file), service_of(file, service), topic), Settings.load(), stopping)
        say(f"metrics and health: {of_files.serve(metrics_host, metrics_port)}")
    say(f"collecting files: a weir ingest --follow for each file of {tail}; lines are on disk in the file itself, and each is sent once")
    notify("READY=1")
    followers.run(stopping)
