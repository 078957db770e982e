"""Handle one TCP connection: pass its lines to the intake, and write back how many of them are on disk, if that was asked for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.senders.framer import Framer, Malformed
from weir.collect.senders.keepalive import keep_alive, unanswered_s
from weir.collect.spool.block import Block
from weir.output import readable

SHOWN = 80  # bytes of a line in a message


@dataclass(frozen=True)
class Asked:
    """Where to listen and what to allow. `idle_s`: a connection without a byte for so long is closed; 0: never. `vanished_s`: so is one
    whose peer does not answer for so long."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    connections: int = 1000
    idle_s: float = 3600.0
    acknowledge: bool = False
    vanished_s: int = 120


@dataclass
class Shared:
    """What the connections of a server have in common: `open` are those that are open."""

    asked: Asked
    framer: Callable[[], Framer]
    intake: Intake
    counters: Counters
    say: Seldom
    open: set[Connection] = field(default_factory=set)


class Connection(asyncio.Protocol):
    """One sender. `safe` lines of it are on disk."""

    def __init__(self, shared: Shared) -> None:
        self._shared, self._framer = shared, shared.framer()
        self._intake, self._counters, self._say = shared.intake, shared.counters, shared.say
        self._clock = asyncio.get_running_loop().time
        self.heard, self.peer = self._clock(), ""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._taken = self._safe = self._refused = 0
        self._blocked = self._ended = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.peer = transport, _named(transport)
        keep_alive(transport.get_extra_info("socket"), self._shared.asked.vanished_s)
        self._shared.open.add(self)
        self._counters.connections += 1
        if self._intake.holds:
            self.hold()

    def data_received(self, data: bytes) -> None:
        self.heard = self._clock()
        try:
            self._take(self._framer.feed(data))
        except Malformed as error:
            self._take(error.block)
            self._counters.malformed += 1
            self._say("malformed", f"{self.peer} was disconnected: {error}.")
            self._transport.abort()

    def _take(self, block: Block | None) -> None:
        if self._framer.refused > self._refused:
            self._note_refused()
        if block:
            self._taken += block.count
            self._intake.put(block, partial(self._written, block.count))

    def eof_received(self) -> bool:
        """Keep the connection of a sender that sends no more and waits for its acknowledgements. TLS cannot keep half of one."""
        self._ended = True
        plain = self._transport.get_extra_info("sslcontext") is None
        return plain and self._shared.asked.acknowledge and self._safe < self._taken

    def _note_refused(self) -> None:
        more = self._framer.refused - self._refused
        self._counters.refused += more
        self._refused = self._framer.refused
        self._say("refused", f"{self.peer} sent {more} line(s) over the limit of --longest bytes. They were dropped.")
        self._acknowledge()

    def _written(self, lines: int) -> None:
        self._safe += lines
        self._acknowledge()
        if self._ended and self._safe == self._taken:
            self._transport.close()

    def _acknowledge(self) -> None:
        if self._shared.asked.acknowledge and not self._blocked and not self._transport.is_closing():
            self._transport.write(b"%d %d\n" % (self._safe, self._refused))

    def pause_writing(self) -> None:
        self._blocked = True  # the sender does not read; the numbers only grow, so that the last ones are enough

    def resume_writing(self) -> None:
        self._blocked = False
        self._acknowledge()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        self._shared.open.discard(self)
        self._counters.connections -= 1
        if rest := self._framer.unfinished:
            self._counters.cut += 1
            why = f"ended ({error})" if error else "ended"
            self._say("cut", f"The connection of {self.peer} {why} within a line, which was dropped: {readable(rest[:SHOWN])}")

    def look(self) -> None:
        """End the connection if it is idle for too long, or its peer has vanished. What it has not read of acknowledgements is dropped."""
        idle_s, vanished_s = self._shared.asked.idle_s, self._shared.asked.vanished_s
        if idle_s and self._clock() - self.heard > idle_s and not self._intake.holds:
            self._disconnect(f"sent nothing for {idle_s:.0f} s")
        elif unanswered_s(self._transport.get_extra_info("socket")) > vanished_s:
            self._disconnect(f"has not answered for {vanished_s} s")

    def _disconnect(self, why: str) -> None:
        self._say("silent", f"{self.peer} {why} and was disconnected.")
        self._transport.abort()

    def hold(self) -> None:
        self._transport.pause_reading()

    def release(self) -> None:
        self.heard = self._clock()
        self._transport.resume_reading()

    def close(self) -> None:
        self._transport.close()


def _named(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername") or ("unknown", 0)
    return f"{peer[0]}:{peer[1]}"
