"""POST to an external address: no redirects, no private addresses unless allowed by name, one time limit for everything."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from weir.alerts.outbox import Sent
from weir.errors import BadInput
from weir.http import TimedResponse, context

BUDGET_S = 10.0
MOST_BYTES = 4096  # of an answer
LONGEST_WAIT_MS = 3_600_000  # that a sink may ask for
UNSURE = frozenset({502, 504})  # from a proxy: the server behind it may have accepted the message
Resolve = Callable[[str, int], str]  # a host's address, as text


def resolved(host: str, port: int) -> str:
    """Return the host's address. Raises OSError if there is none."""
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])


def checked(url: str) -> SplitResult:
    """Return the parts of an http or https URL. Raises BadInput for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("The address of the sink is no http or https URL.", "Fix its Airflow connection.")
    return parts


def post(
    url: str, body: bytes, headers: Mapping[str, str], allow: Collection[str] = (), budget_s: float = BUDGET_S, resolve: Resolve = resolved
) -> Sent:
    """Send once. `allow` names the hosts that may be at a private, loopback or link-local address. Raises BadInput on a wrong URL.

    It connects to exactly the address that it checked, so the name cannot be pointed elsewhere in between.
    """
    parts = checked(url)
    host, deadline = parts.hostname or "", time.monotonic() + budget_s
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        address = resolve(host, port)
    except OSError as error:
        return Sent(f"{host} has no address: {error}")
    if not ip_address(address).is_global and host not in allow:
        return Sent(f"{host} is at {address}, not a public address, and the connection's `allow` does not name the host")
    try:
        wire = socket.create_connection((address, port), budget_s)
        connection = _over(wire, parts.scheme, host, port, deadline)
    except OSError as error:
        return Sent(f"{host} cannot be reached: {error}")
    try:
        return _answer(host, connection, parts, body, headers)
    finally:
        connection.close()


def _over(wire: socket.socket, scheme: str, host: str, port: int, deadline: float) -> HTTPConnection:
    kind = HTTPSConnection if scheme == "https" else HTTPConnection
    connection = kind(host, port)
    connection.response_class = partial(TimedResponse, deadline=deadline)  # type: ignore[assignment]
    connection.sock = context().wrap_socket(wire, server_hostname=host) if scheme == "https" else wire
    return connection


def _answer(host: str, connection: HTTPConnection, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Sent:
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, dict(headers))
        response = connection.getresponse()
        response.read(MOST_BYTES)
    except (OSError, HTTPException) as error:
        return Sent(f"{host} did not answer: {error or type(error).__name__}", doubtful=True)
    if 300 <= response.status < 400:
        return Sent(f"{host} says {response.status}: redirects are not followed")
    if response.status >= 400:
        return Sent(f"{host} says {response.status} {response.reason}", response.status in UNSURE, _retry_after(response))
    return Sent()


def _retry_after(response: HTTPResponse) -> int:
    """Return the Retry-After header (seconds or a date) in ms; 0 if it is missing or not valid."""
    text = response.getheader("Retry-After") or ""
    try:
        wait = float(text) if text.strip().isdecimal() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0
    return round(min(max(0.0, 1000 * wait), LONGEST_WAIT_MS))
