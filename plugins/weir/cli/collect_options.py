"""The options that several kinds of `weir collect` have, and how each of them runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weir.output import say
from weir.settings import Settings, home

if TYPE_CHECKING:
    from weir.collect.run import Senders

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
Keepalive = Annotated[
    int,
    typer.Option("--keepalive", metavar="SECONDS", min=12, help="Close a connection whose peer has vanished: no answer for so long."),
]
Heartbeat = Annotated[
    int,
    typer.Option(
        "--heartbeat", metavar="SECONDS", min=5, help="Connect again to a broker that gives no sign of life for about twice as long."
    ),
]
Longest = Annotated[
    int, typer.Option("--longest", metavar="BYTES", min=1, max=1_000_000, help="The longest line; longer ones are dropped.")
]
Cert = Annotated[str, typer.Option("--tls-cert", metavar="FILE", help="Certificate of the server in PEM, with its chain: use TLS.")]
Key = Annotated[str, typer.Option("--tls-key", metavar="FILE", help="Its private key.")]
ClientCa = Annotated[str, typer.Option("--tls-client-ca", metavar="FILE", help="Accept only senders with a certificate of this authority.")]
MetricsPort = Annotated[int | None, typer.Option("--metrics-port", min=0, max=65_535, help="Serve /metrics and /health; 0: any free port.")]
MetricsHost = Annotated[str, typer.Option("--metrics-host", help="The address of --metrics-port. There is no authentication.")]
Broker = Annotated[str, typer.Option("--broker", metavar="HOST:PORT", help="The broker.")]
User = Annotated[str, typer.Option("--user", help="The user at the broker.")]
PasswordFile = Annotated[str, typer.Option("--password-file", metavar="FILE", help="The file with the user's password.")]
Tls = Annotated[bool, typer.Option("--tls", help="Use TLS.")]
Ca = Annotated[str, typer.Option("--tls-ca", metavar="FILE", help="Authority of the broker's certificate. Default: those of the system.")]


def key_of(kind: str, service: str | None) -> bytes:
    """Return the records' key. Raises BadInput for a service that none can hold."""
    from weir.cli.ingest import service_of

    return service_of(kind, service).encode()


def run(
    senders: Senders, heard: str, kind: str, topic: str, spool: Path | None, size_mib: int, metrics_host: str, metrics_port: int | None
) -> None:
    """Run a collector until a signal ends it."""
    from weir.collect.run import Asked, Collector

    folder = spool or home() / "collect" / kind
    collector = Collector(Asked(folder, topic, size_mib, metrics_host, metrics_port), Settings.load(), say)

    def ready(where: str) -> None:
        say(f"collecting {kind} on {where} for the topic {topic}, spool {folder}; {heard}")

    asyncio.run(collector.run(senders, ready))
