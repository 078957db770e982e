"""The standalone service: one process, beside Airflow or without it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from weir.api import probes, problems
from weir.api.app import UNPUBLISHED, build
from weir.api.ask import Ask
from weir.api.limits import Buckets
from weir.api.streams import Streams
from weir.api.tokens import StaticTokens
from weir.errors import BadInput
from weir.supervise.shared import Shared

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

PREFIX = "/api/v1"


def alone(
    access: StaticTokens, ask: Ask, clock: Callable[[], float] = time.time, buckets: Buckets | None = None, streams: Streams | None = None
) -> FastAPI:
    """Return an app with only the service, at its address, and the probes."""
    app = FastAPI(**UNPUBLISHED)
    problems.install(app)
    app.include_router(probes.build(access))
    app.mount(PREFIX, build(access, ask, clock, buckets, streams or Streams()))
    return app


def run(tokens: Path, connect: Callable[[], Manager[Store]], host: str, port: int, listening: Callable[[str], None]) -> None:
    """Serve until interrupted. Calls `listening` with the address. Raises BadInput if the port is not available."""
    shared = Shared(connect)
    config = uvicorn.Config(alone(StaticTokens(tokens), shared.ask), log_config=None, access_log=False, server_header=False)
    with _bound(host, port) as listener:
        listening(f"http://{host}:{listener.getsockname()[1]}")
        asyncio.run(uvicorn.Server(config).serve([listener]))


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise BadInput(f"Cannot listen on {host}:{port}: {error.strerror or error}.", "Choose another address: --port, --host.") from error
