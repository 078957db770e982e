"""`weir metrics`: the exporter for Prometheus."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from weir.cli.common import connected
from weir.output import say

PORT = 9477


def metrics(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port; 0 for any free one.")] = PORT,
    host: Annotated[str, typer.Option("--host", help="The address to listen on. There is no authentication.")] = "127.0.0.1",
) -> None:
    """Serve the metrics of all jobs to Prometheus until interrupted. Run one such process.

    Example: weir metrics --port 9477
    """
    from weir.metrics.serve import looks, start

    logging.getLogger("weir").setLevel(logging.WARNING)  # a server process logs each failed check
    server, thread = start(looks(connected), host, port)
    say(f"metrics of all jobs: http://{host}:{server.server_port}/metrics")
    thread.join()
