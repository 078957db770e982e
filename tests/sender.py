"""A program that sends lines to whoever connects, as `nc -lk` does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

from tests.parts import until


class Sender:
    """Listens on a port of its own, and sends to the newest connection."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._server, *self.connections):
            one.close()

    def await_connection(self, number: int = 1) -> None:
        until(lambda: len(self.connections) >= number, f"connection {number}")

    def send(self, line: str) -> None:
        self.connections[-1].sendall(f"{line}\n".encode())

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                self.connections.append(self._server.accept()[0])
