"""The spool: append blocks, read them from a point on, remove files that were forwarded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weir.collect.spool import segments
from weir.collect.spool.block import Block
from weir.collect.spool.disk import Disk
from weir.collect.spool.record import HEAD, Point
from weir.collect.spool.segments import Say
from weir.collect.spool.writing import Writing

MIB = 1024 * 1024
SEGMENT = 64 * MIB
Spot = tuple[int, int]  # the number of a segment's first record, and an offset in its file


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Waiting:
    """Bytes that wait in the spool, and when the oldest of them was received (ms since 1970; 0: none waits)."""

    size: int
    since: int


@dataclass(frozen=True)
class Bounds:
    """`size`: bytes that the spool may have on disk. `segment`: bytes from which on a new file begins."""

    size: int = 1024 * MIB
    segment: int = SEGMENT

    @classmethod
    def of(cls, size: int) -> Bounds:
        """Return the bounds of a spool of `size` bytes. A file is removed as a whole, so it has at most an eighth of the size."""
        return cls(size, min(SEGMENT, size // 8))


class Spool:
    """Records in order, each on disk before `append` returns. One thread appends, another one reads and forwards."""

    def __init__(self, disk: Disk, bounds: Bounds, origin: int, say: Say, clock: Callable[[], int] = now_ms) -> None:
        """Open the files on the disk. `origin` is the checksum before the first record of a new spool. Raises SpoolDamaged, OSError."""
        self.disk, self.bounds, self._clock = disk, bounds, clock
        self.changed = threading.Condition()
        self.segments = segments.found(disk)
        end: Point | None = None
        while self.segments and (end := segments.cut_torn(disk, self.segments[-1], say)) is None:
            self.segments.pop()
        disk.sync_names()
        self.end = end or Point(check=origin)

    @property
    def first(self) -> int:
        """Return the number of the oldest record, or of the first one to come."""
        with self.changed:
            return self.segments[0].first if self.segments else self.end.number

    @property
    def size(self) -> int:
        """Return the bytes on disk."""
        with self.changed:
            return sum(segment.size for segment in self.segments)

    def append(self, blocks: Sequence[Block]) -> None:
        """Write blocks and wait until they are on disk. Raises OSError: then none of them is in the spool, and the call may be repeated."""
        writing = Writing(self.disk, self.end, self.segments[-1] if self.segments else None, self.bounds.segment, self._clock())
        try:
            for block in blocks:
                writing.put(block)
            writing.end()
        except OSError:
            writing.undo()
            raise
        with self.changed:
            if self.segments:
                self.segments[-1].size = writing.grown
            self.segments += writing.new
            self.end = writing.point
            self.changed.notify_all()

    def has_room(self, size: int) -> bool:
        """Return whether `size` more bytes fit. A spool with fewer than two files always has room."""
        return self.size + size <= self.bounds.size or len(self.segments) < 2

    def wait_for_room(self, size: int, wait_s: float) -> bool:
        """Wait until `size` more bytes fit. Return whether they do."""
        with self.changed:
            return self.changed.wait_for(lambda: self.has_room(size), wait_s)

    def wait_for(self, number: int, wait_s: float) -> bool:
        """Wait until the record of a number is on disk. Return whether it is."""
        with self.changed:
            return self.changed.wait_for(lambda: self.end.number > number, wait_s)

    def remove_before(self, number: int) -> None:
        """Remove the files that have only records before this number. Keep the newest file: it has the point where the spool continues."""
        with self.changed:
            later = [segment.first for segment in self.segments[1:]]
            gone = self.segments[: sum(first <= number for first in later)]
            self.segments = self.segments[len(gone) :]
            for segment in gone:
                self.disk.remove(segment.name)
            self.changed.notify_all()

    def waiting(self, first: int, at: int) -> Waiting:
        """Return what comes after a spot. Raises OSError, SpoolDamaged."""
        with self.changed:
            later = [segment for segment in self.segments if segment.first >= first]
            whole = not later or later[0].first > first  # the file of the spot was read to its end, and removed
            read = 0 if whole else max(0, at - HEAD.size)
            size = sum(segment.size - HEAD.size for segment in later) - read
            if not size:
                return Waiting(0, 0)
            here, at = (later[0], HEAD.size + read) if read < later[0].size - HEAD.size else (later[1], HEAD.size)
            return Waiting(size, segments.received(self.disk, here, at))
