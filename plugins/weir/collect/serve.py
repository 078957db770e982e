"""Serve the metrics and the health of a collector over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from weir.errors import BadInput

Families = Callable[[], list[Any]]
Health = Callable[[], dict[str, Any]]


class _Families(Collector):
    def __init__(self, families: Families) -> None:
        self.collect = families  # type: ignore[method-assign]

    def collect(self) -> list[Any]:
        """Return the families; set when this object is made."""
        return []

    def describe(self) -> list[Any]:
        return []


def serve(host: str, port: int, families: Families, health: Health) -> ThreadingHTTPServer:
    """Serve /metrics, and /health, with status 503 while senders are held back and 200 otherwise. Port 0 takes a free one.

    Raises BadInput if the address is not available.
    """
    registry = CollectorRegistry()
    registry.register(_Families(families))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                return self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            if self.path == "/health":
                found = health()
                status = 503 if found["state"] == "holding" else 200
                return self._answer(status, "application/json", json.dumps(found).encode() + b"\n")
            self._answer(404, "text/plain", b"/metrics or /health\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None:
            """Log nothing: Prometheus scrapes every few seconds."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        what = f"Cannot listen on {host}:{port}: {error.strerror or error}."
        raise BadInput(what, "Choose another address: --metrics-port, --metrics-host.") from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
