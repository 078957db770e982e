"""The way from a sender to the disk when the disk has no room or fails."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from tests.unit.collect.disks import MemoryDisk
from weir.collect import intake as intakes
from weir.collect.counters import Counters, Seldom
from weir.collect.intake import Intake
from weir.collect.spool.block import Block
from weir.collect.spool.reader import Reader
from weir.collect.spool.spool import Bounds, Spool


class World:
    def __init__(self) -> None:
        self.disk, self.counters = MemoryDisk(), Counters()
        self.told: list[str] = []
        self.acknowledged: list[bytes] = []
        self.spool = Spool(self.disk, Bounds(), 0, self.told.append)

    def run(self, values: list[bytes], fuse: Callable[[str], None]) -> None:
        """Take values, one block each, with a disk that fails as `fuse` says."""
        self.disk.fuse = fuse

        async def work() -> None:
            intake = Intake(self.spool, self.counters, Seldom(self.told.append))
            writing = asyncio.ensure_future(intake.run())
            for value in values:
                intake.put(Block.of(b"k", [value]), lambda value=value: self.acknowledged.append(value))  # type: ignore[misc]
            async with asyncio.timeout(60):
                while not writing.done() and len(self.acknowledged) < len(values):
                    await asyncio.sleep(0.01)
            intake.close()
            await writing

        asyncio.run(work())

    def values(self) -> list[bytes]:
        record = Reader(self.spool, 0).next(0)
        return record.block.values() if record else []


def failing(step: str, code: int, times: int) -> Callable[[str], None]:
    left = [times]

    def fuse(name: str) -> None:
        if name == step and left[0]:
            left[0] -= 1
            raise OSError(code, "No space left on device" if code == errno.ENOSPC else "Input/output error")

    return fuse


def test_a_full_disk_is_told_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "AGAIN_S", 0.01)
    world = World()
    world.run([b"a", b"b"], failing("write", errno.ENOSPC, 3))
    assert world.values() == world.acknowledged == [b"a", b"b"]
    assert "The disk of the spool is full (No space left on device): senders are held back." in world.told[0]


def test_a_disk_that_fails_ends_the_collector_and_acknowledges_nothing() -> None:
    world = World()
    with pytest.raises(OSError, match="Input/output error"):
        world.run([b"a"], failing("sync", errno.EIO, 1))
    assert world.acknowledged == [] and world.counters.lines == 0
