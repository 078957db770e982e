"""The exporter: a process of its own that serves the metrics over http, whether Airflow is there or not."""

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

    from weir.supervise.manager import Manager


def start(look: Callable[[], Look], host: str, port: int, fresh_s: float = FRESH_S) -> tuple[WSGIServer, threading.Thread]:
    """Serve in a thread. Port 0 takes a free one: `server_port` of the server tells. Raises BadInput if the port cannot be had."""
    registry = CollectorRegistry()
    registry.register(FleetCollector(look, fresh_s))
    try:
        return start_http_server(port, host, registry)
    except OSError as error:
        raise BadInput(f"{host}:{port} cannot be listened on: {error.strerror or error}.", "Choose another: --port, --host.") from error


def looks(connect: Callable[[], Manager]) -> Callable[[], Look]:
    """Looks by a manager that is opened when it is needed, anew when the jobs' specs have changed, and after it has failed."""
    shared, looker = Shared(connect), Looker()

    def look() -> Look:
        manager = shared.get()
        try:
            return looker.look(manager)
        except WeirError:
            raise  # the store is away, and the manager comes back with it
        except Exception:
            shared.drop(manager)
            raise

    return look
