"""Take syslog messages from UDP: a datagram is a message (RFC 5426)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.spool.block import LF, Block
from weir.errors import BadInput

LARGEST = 65_535
AT_ONCE = 256  # datagrams, before others get their turn
BUFFER = 8 * 1024 * 1024  # bytes that the kernel may keep; it gives net.core.rmem_max at most


class UdpServer:
    """Reads datagrams, except while the spool is full: then the kernel drops what its buffer cannot hold, and counts it."""

    def __init__(self, host: str, port: int, key: bytes, longest: int, intake: Intake, counters: Counters, say: Seldom) -> None:
        self._host, self._port, self._key, self._longest = host, port, key, longest
        self._intake, self._counters, self._say = intake, counters, say
        self._socket: socket.socket | None = None

    async def start(self) -> str:
        """Bind, and return the address. Raises BadInput if it is not available."""
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._socket.setblocking(False)
            self._socket.bind(address)
        except OSError as error:
            what = f"Cannot receive UDP on {self._host}:{self._port}: {error.strerror or error}."
            raise BadInput(what, "Choose another address: --host, --port.") from error
        self._counters.dropped = self._dropped
        self.release()
        self._intake.add(self)
        host, port = self._socket.getsockname()[:2]
        return f"{host}:{port}/udp"

    def hold(self) -> None:
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket)

    def release(self) -> None:
        if self._socket:
            asyncio.get_running_loop().add_reader(self._socket, self._read)

    async def stop(self) -> None:
        self.hold()

    async def close(self) -> None:
        if self._socket:
            self._socket.close()

    def _read(self) -> None:
        assert self._socket
        values: list[bytes] = []
        for _ in range(AT_ONCE):
            try:
                message = self._socket.recv(LARGEST)
            except OSError:  # nothing more is there; or an ICMP message about an earlier datagram
                break
            values.append(message[:-1] if message.endswith(LF) else message)
        kept = [value for value in values if len(value) <= self._longest]
        if len(kept) < len(values):
            self._counters.refused += len(values) - len(kept)
            self._say("refused", f"{len(values) - len(kept)} datagram(s) longer than --longest bytes were dropped.")
        if kept:
            self._intake.put(Block.of(self._key, kept))

    def _dropped(self) -> int | None:
        """Return how many datagrams the kernel has dropped since the start; None if the system has no such count."""
        if self._socket is None or self._socket.fileno() < 0:
            return None
        version = "6" if self._socket.family == socket.AF_INET6 else ""
        return dropped(Path(f"/proc/net/udp{version}"), self._inode())

    def _inode(self) -> str:
        assert self._socket
        return Path(f"/proc/self/fd/{self._socket.fileno()}").readlink().name if Path("/proc/self/fd").exists() else ""


def dropped(table: Path, inode: str) -> int | None:
    """Return the kernel's count of dropped datagrams of a socket, `socket:[N]`, from a table like /proc/net/udp."""
    number = inode.removeprefix("socket:[").removesuffix("]")
    try:
        rows = table.read_text().splitlines()[1:]
    except OSError:
        return None
    return next((int(row.split()[-1]) for row in rows if row.split()[9] == number), None)
