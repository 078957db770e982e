"""Take blocks from senders and write them to the spool in groups. Once a block is on disk, its sender may acknowledge it."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from weir.collect.counters import Counters, Seldom
from weir.collect.spool.block import Block, merged
from weir.collect.spool.spool import MIB, Spool

BOUND = 8 * MIB  # bytes in memory from which on senders are held back
FULL = (errno.ENOSPC, errno.EDQUOT)
AGAIN_S = 1.0
Written = Callable[[], None]


class Held(Protocol):
    """Something that reads lines from senders, and can pause that."""

    def hold(self) -> None: ...
    def release(self) -> None: ...


def _nothing() -> None:
    """Do nothing: the protocol has no acknowledgement."""


class Intake:
    """The event loop puts blocks in; one thread writes them. While the thread waits for the disk, the next group gathers."""

    def __init__(self, spool: Spool, counters: Counters, say: Seldom) -> None:
        self._spool, self._counters, self._say = spool, counters, say
        self._pending: list[tuple[Block, Written]] = []
        self._size, self._held = 0, list[Held]()
        self._wake = asyncio.Event()
        self._closing = threading.Event()
        self._writer = ThreadPoolExecutor(1, "spool")

    @property
    def holds(self) -> bool:
        """Return whether senders are held back."""
        return self._counters.held_since is not None

    def add(self, sender: Held) -> None:
        self._held.append(sender)
        if self.holds:
            sender.hold()

    def put(self, block: Block, written: Written = _nothing) -> None:
        """Take a block. `written` is called in the loop once it is on disk. Blocks are written in the order in which they are put."""
        self._pending.append((block, written))
        self._size += len(block.body)
        self._wake.set()
        if self._size > BOUND and not self.holds:
            self._counters.held_since = time.time()
            for sender in self._held:
                sender.hold()

    async def run(self) -> None:
        """Write the blocks that are put, until `close`. Raises OSError; then nothing more is acknowledged."""
        loop = asyncio.get_running_loop()
        while self._pending or not self._closing.is_set():
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
                continue
            group, self._pending = self._pending, []
            await loop.run_in_executor(self._writer, self._write, [block for block, _ in group])
            self._written(group)

    def close(self) -> None:
        """Let `run` end once what was put is on disk."""
        self._closing.set()
        self._wake.set()

    def _written(self, group: list[tuple[Block, Written]]) -> None:
        for block, written in group:
            self._size -= len(block.body)
            self._counters.lines += block.count
            self._counters.size += len(block.body)
            written()
        if self.holds and self._size <= BOUND // 2:
            self._counters.held_since = None
            for sender in self._held:
                sender.release()

    def _write(self, blocks: list[Block]) -> None:
        """Write a group once there is room. While the process ends, write at once: lines from a socket exist nowhere else."""
        blocks = merged(blocks)
        size = sum(len(block.body) for block in blocks)
        while not self._closing.is_set() and not self._spool.wait_for_room(size, AGAIN_S):
            self._say("full", f"The spool has {self._spool.size // MIB} MiB and is full: senders are held back until Kafka accepts lines.")
        while True:
            try:
                return self._spool.append(blocks)
            except OSError as error:
                if error.errno not in FULL or self._closing.is_set():
                    raise
                self._say("disk", f"The disk of the spool is full ({error.strerror}): senders are held back. Free some space.")
                self._closing.wait(AGAIN_S)
