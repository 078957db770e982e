"""The exporter: a separate process that serves the metrics over HTTP, with or without Airflow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server

from weir.errors import BadInput, WeirError
from weir.metrics.collector import FRESH_S, FleetCollector
from weir.metrics.look import Look, Looker
from weir.supervise.shared import Shared

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from weir.ports.store import Store
    from weir.supervise.manager import Manager


def start(look: Callable[[], Look], host: str, port: int, fresh_s: float = FRESH_S) -> tuple[WSGIServer, threading.Thread]:
    """Serve in a thread. Port 0 takes a free one, in the server's `server_port`. Raises BadInput if the port is not available."""
    registry = CollectorRegistry()
    registry.register(FleetCollector(look, fresh_s))
    try:
        return start_http_server(port, host, registry)
    except OSError as error:
        raise BadInput(f"Cannot listen on {host}:{port}: {error.strerror or error}.", "Choose another address: --port, --host.") from error


def looks(connect: Callable[[], Manager[Store]]) -> Callable[[], Look]:
    """Return a function that checks the fleet. Its manager is opened when needed, and again after a failure or a change of the specs."""
    shared, looker = Shared(connect), Looker()

    def look() -> Look:
        manager = shared.get()
        try:
            return looker.look(manager)
        except WeirError:
            raise  # the store is away; the manager recovers with it
        except Exception:
            shared.drop(manager)
            raise

    return look
