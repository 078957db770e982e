"""Many senders in one event loop, each with a connection of its own to a collector with --acknowledge."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

PATIENCE_S = 240.0


@dataclass
class Sender:
    """One connection. `whole` are the lines that were sent with their end; so many of them as `safe` were acknowledged."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    whole: list[bytes] = field(default_factory=list)
    safe: int = 0

    def write(self, lines: Iterable[bytes], rest: bytes = b"") -> None:
        """Write lines, and the beginning of another one."""
        more = list(lines)
        self.whole += more
        self.writer.write(b"".join(line + b"\n" for line in more) + rest)

    async def drip(self, line: bytes, pause_s: float = 0.02) -> None:
        """Write a line byte by byte."""
        for byte in line:
            self.writer.write(bytes([byte]))
            await asyncio.sleep(pause_s)
        self.whole.append(line)
        self.writer.write(b"\n")

    async def heard(self) -> None:
        """Wait until all whole lines are acknowledged, or the connection has ended."""
        while self.safe < len(self.whole) and (answer := await self._line()):
            self.safe = int(answer.split()[0])

    async def _line(self) -> bytes:
        try:
            found = await asyncio.wait_for(self.reader.readline(), PATIENCE_S)
        except OSError:  # the collector was killed
            return b""
        return found if found.endswith(b"\n") else b""

    def reset(self) -> None:
        """End the connection with RST."""
        found: socket.socket = self.writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def dialled(port: int, senders: int) -> Sequence[Sender]:
    return [Sender(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(senders)]
