"""Host names of settings: `host`, `host:port`, `address`, `[address]:port`."""

from __future__ import annotations

import socket
from collections.abc import Sequence


def names_of(hosts: Sequence[str]) -> dict[str, str]:
    """Return the hosts of the settings by their addresses. A name that cannot be resolved is left out."""
    found: dict[str, str] = {}
    for name, port in map(host_and_port, hosts):
        try:
            found |= {str(sockaddr[0]): name for *_, sockaddr in socket.getaddrinfo(name, port or 0, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):
            continue
    return found


def host_and_port(text: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `address`, `[address]:port`; the port is None if there is none. Raises ValueError."""
    host, colon, port = text.strip().rpartition(":")
    if colon and (":" not in host or host.endswith("]")):
        if not host.strip("[]") or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r} is not a host with a port")
        return host.strip("[]"), int(port)
    return text.strip().strip("[]"), None
