"""One append to a spool: what it adds to the newest file, and the files that it begins."""

from __future__ import annotations

import contextlib

from weir.collect.spool.block import Block
from weir.collect.spool.disk import Disk
from weir.collect.spool.record import HEAD, Point, encode, head
from weir.collect.spool.segments import Segment


class Writing:
    """Blocks that are written after a point. Each file is synced before the next one begins."""

    def __init__(self, disk: Disk, end: Point, newest: Segment | None, largest: int, at: int) -> None:
        """`newest` is the file to continue; once a file has `largest` bytes, another one begins; `at` is the time of the records (ms)."""
        self._disk, self._largest, self._at, self._before = disk, largest, at, newest
        self.point = end
        self.grown = newest.size if newest else 0
        self.new: list[Segment] = []
        self._waiting: list[bytes] = []
        self._size = self.grown

    def put(self, block: Block) -> None:
        """Add a block. Raises OSError."""
        if not self._size or self._size >= self._largest:
            self._roll()
        data, self.point = encode(block, self.point, self._at)
        self._waiting.append(data)
        self._size += len(data)

    def _roll(self) -> None:
        """Begin a file. Sync its head before any record is written: so no records follow a torn head."""
        self.end()
        begun = Segment(self.point.number, HEAD.size)
        self.new.append(begun)
        self._disk.write(begun.name, 0, head(self.point))
        self._disk.sync(begun.name)
        self._disk.sync_names()
        self._size = HEAD.size

    def end(self) -> None:
        """Write what is waiting, and wait until it is on disk. Raises OSError."""
        if not self._waiting:
            return
        data, self._waiting = b"".join(self._waiting), []
        last = self.new[-1] if self.new else self._before
        assert last is not None
        self._disk.write(last.name, self._size - len(data), data)
        self._disk.sync(last.name)
        if self.new:
            last.size = self._size
        else:
            self.grown = self._size

    def undo(self) -> None:
        """Restore the files as they were: the next write may be shorter, and no old bytes may follow it."""
        with contextlib.suppress(OSError):
            for segment in self.new:
                self._disk.remove(segment.name)
            if self._before:
                self._disk.truncate(self._before.name, self._before.size)
