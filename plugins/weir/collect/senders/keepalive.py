"""Notice peers that vanished without a word, as when a machine loses its power or a cable is cut."""

from __future__ import annotations

import socket
import struct
from asyncio.trsock import TransportSocket

LEAST_S = 12  # the kernel counts in whole seconds
TCP_INFO = 60  # bytes of Linux's struct tcp_info up to tcpi_last_ack_recv
UNACKED, LAST_ACK = 24, 56  # where these fields are


def keep_alive(found: socket.socket | TransportSocket, within_s: int) -> None:
    """Let the kernel ask a silent peer whether it is there, and end the connection after so many seconds without an answer."""
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", within_s // 2), ("TCP_KEEPINTVL", within_s // 12), ("TCP_KEEPCNT", 6)):
        if option := getattr(socket, name, None):  # macOS has other names
            found.setsockopt(socket.IPPROTO_TCP, option, value)


def unanswered_s(found: socket.socket | TransportSocket) -> float:
    """Return for how long the peer has been silent while something that was sent to it is not acknowledged; 0 if nothing is.

    Then the kernel does not ask: it sends again, for a quarter of an hour. TCP_USER_TIMEOUT would bound that, and also end the connection
    of a peer that is there and does not read.
    """
    option = getattr(socket, "TCP_INFO", None)
    try:
        info = found.getsockopt(socket.IPPROTO_TCP, option, TCP_INFO) if option else bytes(TCP_INFO)
    except OSError:  # it has just ended
        return 0.0
    return float(_field(info, LAST_ACK)) / 1000 if _field(info, UNACKED) else 0.0


def _field(info: bytes, at: int) -> int:
    found: int = struct.unpack_from("=I", info, at)[0]
    return found
