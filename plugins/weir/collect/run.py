"""Run a collector until a signal or an error ends it: open the spool, take lines from the senders, forward them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from weir.collect import metrics
from weir.collect.counters import Counters, Seldom
from weir.collect.forwarder import Forwarder
from weir.collect.identity import SpoolFolder
from weir.collect.intake import Intake
from weir.collect.kafka import Topic
from weir.collect.loop import ended_by_signal, in_thread
from weir.collect.notify import notify
from weir.collect.serve import serve
from weir.collect.spool.disk import Folder
from weir.collect.spool.spool import MIB, Bounds, Spool
from weir.errors import BadInput
from weir.settings import Settings

Say = Callable[[str], None]
LEAST_MIB = 64
CLOSING_S = 10.0  # for the last commit


@dataclass(frozen=True)
class Asked:
    """Where lines go. `size_mib` bounds the spool. `metrics_port` None: no metrics are served; 0: any free port."""

    spool: Path
    topic: str
    size_mib: int = 1024
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None


class Sender(Protocol):
    """Takes lines by one protocol. `start` returns where it listens, or what it reads."""

    async def start(self) -> str: ...
    async def stop(self) -> None: ...
    async def close(self) -> None: ...


Senders = Callable[[Intake, Counters, Seldom], Sequence[Sender]]


class Collector:
    """One process with one spool."""

    def __init__(self, asked: Asked, settings: Settings, say: Say) -> None:
        """Open the spool. Raises BadInput, BadSetting, Conflict, SpoolDamaged, OSError."""
        if asked.size_mib < LEAST_MIB:
            raise BadInput(f"--spool-size: {asked.size_mib} is less than {LEAST_MIB} MiB.", "Give more.")
        self._asked, self._say = asked, say
        self.counters, self._seldom, self._stopping = Counters(), Seldom(say), threading.Event()
        self._folder = SpoolFolder(asked.spool, asked.topic, say)
        self._disk = Folder(asked.spool)
        self._spool = Spool(self._disk, Bounds.of(asked.size_mib * MIB), self._folder.identity.origin, say)
        topic = Topic(settings, asked.topic, self._folder.identity.name)
        self._forwarder = Forwarder(self._spool, self._folder, topic, self.counters, say, self._stopping)

    async def run(self, senders: Senders, ready: Callable[[str], None]) -> None:
        """Collect until SIGTERM or SIGINT. Call `ready` with the addresses once all of them are open. Raises WeirError, OSError."""
        intake = Intake(self._spool, self.counters, self._seldom)
        made = senders(intake, self.counters, self._seldom)
        served = self._serve()
        ended = ended_by_signal()
        try:
            ready(", ".join([await sender.start() for sender in made]))
            writing = asyncio.ensure_future(intake.run())
            forwarding = asyncio.ensure_future(in_thread(self._forwarder.run))
            notify("READY=1")
            await asyncio.wait({writing, forwarding, ended}, return_when=asyncio.FIRST_COMPLETED)
            notify("STOPPING=1")
            await self._end(intake, made, writing, forwarding)
        finally:
            if served:
                served.shutdown()
            self._disk.close()
            self._folder.close()

    async def _end(self, intake: Intake, made: Sequence[Sender], writing: asyncio.Future[None], forwarding: asyncio.Future[None]) -> None:
        """Stop reading, write what was read, acknowledge it, end the transaction. Raises the error that ended the collector, if any."""
        for sender in made:
            await sender.stop()
        intake.close()
        await asyncio.wait({writing})
        for sender in made:
            await sender.close()
        self._stopping.set()
        await asyncio.wait({forwarding}, timeout=CLOSING_S)
        for each in (writing, forwarding):
            if each.done():
                each.result()
        left = self._forwarder.left
        rest = "; waiting in the spool: unknown" if left is None else f"; {left} wait in the spool" if left else ""
        self._say(f"{self.counters.lines} lines received, {self.counters.forwarded} sent{rest}.")

    def _serve(self) -> ThreadingHTTPServer | None:
        asked = self._asked
        if asked.metrics_port is None:
            return None
        server = serve(asked.metrics_host, asked.metrics_port, self._families, self._health)
        self._say(f"metrics and health: http://{asked.metrics_host}:{server.server_port}/metrics, /health")
        return server

    def _families(self) -> list[Any]:
        found = metrics.values(self.counters, self._spool.size, self._spool.bounds.size, self._forwarder.waiting(), time.time())
        return metrics.families(found)

    def _health(self) -> dict[str, Any]:
        return metrics.health(self.counters, self._forwarder.waiting(), time.time())
