"""JSON over HTTP with one time budget for the whole of an answer, however slowly it drips, over connections that are kept open.

http.client and not a larger library: those bound each read, not the whole answer, and cost several times as much a question. See
docs/decisions/0004.
"""

from __future__ import annotations

import io
import json
import queue
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

MOST_BYTES = 64 * 1024 * 1024  # of an answer: a thousand pods are 20 MB
OK = 200
NOTHING: Mapping[str, Any] = {}
Headers = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Answer:
    """`body` is the JSON object that came, empty if it was anything else."""

    status: int
    body: Mapping[str, Any]


class Api:
    """One address of an HTTP API. May be used by many threads at once: each question has a connection to itself."""

    def __init__(self, address: str, budget_s: float = 5.0, headers: Headers = dict, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        self.address, self._base, self._budget_s, self._headers = address, parts.path.rstrip("/"), budget_s, headers
        host, port = parts.hostname or "", parts.port
        self._connect: Callable[[], HTTPConnection] = (
            partial(HTTPSConnection, host, port, context=tls) if parts.scheme == "https" else partial(HTTPConnection, host, port)
        )
        self._idle: queue.LifoQueue[HTTPConnection] = queue.LifoQueue()

    def get(self, path: str) -> Answer | None:
        """None if there is no answer within the budget."""
        deadline = time.monotonic() + self._budget_s
        with suppress(queue.Empty):
            answer = self._ask(self._idle.get_nowait(), "GET", path, None, deadline)
            if answer is not None:  # else the connection may have been closed by the other side long ago
                return answer
        return self._ask(self._connect(), "GET", path, None, deadline)

    def text(self, path: str, keep: int) -> str:
        """The last `keep` bytes of a text; empty if there is none, or no answer within the budget. Over a connection of its own."""
        asked = self._exchange(self._connect(), "GET", path, None, time.monotonic() + self._budget_s)
        return asked[1][-keep:].decode(errors="replace") if asked and asked[0] == OK else ""

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer | None:
        """Ask for a change. Sent once, over a new connection: a change must not be repeated blindly. None for no answer."""
        return self._ask(self._connect(), method, path, body, time.monotonic() + self._budget_s)

    def _ask(self, connection: HTTPConnection, method: str, path: str, body: Mapping[str, Any] | None, deadline: float) -> Answer | None:
        asked = self._exchange(connection, method, path, body, deadline)
        return Answer(asked[0], _object(asked[1])) if asked else None

    def _exchange(
        self, connection: HTTPConnection, method: str, path: str, body: Mapping[str, Any] | None, deadline: float
    ) -> tuple[int, bytes] | None:
        headers = {"Accept": "application/json", **self._headers()}
        data = b"" if body is None else json.dumps(body).encode()
        if method != "GET":
            headers |= {"Content-Type": "application/json;charset=UTF-8", "Content-Length": str(len(data))}
        connection.timeout = max(0.001, deadline - time.monotonic())
        connection.response_class = partial(TimedResponse, deadline=deadline)  # type: ignore[assignment]
        try:
            if connection.sock is not None:
                connection.sock.settimeout(connection.timeout)
            connection.request(method, self._base + path, data, headers)
            response = connection.getresponse()
            read = response.read(MOST_BYTES)
            whole = response.isclosed()
        except (OSError, HTTPException):
            connection.close()
            return None
        if whole and not response.will_close:
            self._idle.put(connection)
        else:
            connection.close()
        return response.status, read


def context(ca_file: str | None = None) -> ssl.SSLContext:
    """TLS that believes the certificates in a file, or those that the machine believes. Raises OSError if the file cannot be read."""
    return ssl.create_default_context(cafile=ca_file)


def within(found: Any, *path: str) -> Any:
    """What is there at a path of keys; None if it, or anything on the way, is not as expected."""
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def rows(found: Any, *path: str) -> list[Mapping[str, Any]]:
    """The objects of the list at a path of keys."""
    listed = within(found, *path)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return NOTHING
    return found if isinstance(found, dict) else NOTHING


class TimedResponse(HTTPResponse):
    """Gives up reading at `deadline`: a time-out of a socket begins anew with each byte."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock, deadline))


class _Bounded(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
