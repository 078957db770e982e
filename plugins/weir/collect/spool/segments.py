"""The segments of a spool on a disk: find them, read a record, cut off an incomplete write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from weir.collect.spool.disk import SUFFIX, Disk
from weir.collect.spool.record import CONTENT, FRAME, HEAD, Point, Record, begins, content_size, decode, skipped
from weir.errors import SpoolDamaged

Say = Callable[[str], None]


@dataclass
class Segment:
    """A file of records, named after the number of its first record. `size` is the number of bytes that are known to be on disk."""

    first: int
    size: int

    @property
    def name(self) -> str:
        return name_of(self.first)


def name_of(first: int) -> str:
    return f"{first:020d}{SUFFIX}"


def found(disk: Disk) -> list[Segment]:
    """Return the segments on a disk, the oldest first."""
    return [Segment(int(name.removesuffix(SUFFIX)), disk.size(name)) for name in sorted(disk.names())]


def start_of(disk: Disk, segment: Segment) -> Point | None:
    """Return the point at which a segment begins; None if its head is not intact."""
    point = begins(disk.read(segment.name, 0, HEAD.size))
    return point if point is not None and point.number == segment.first else None


def read(disk: Disk, segment: Segment, at: int, before: Point) -> tuple[Record, int] | None:
    """Return the record at an offset, and the offset after it; None if no intact record is there."""
    frame = disk.read(segment.name, at, FRAME.size)
    size = content_size(frame)
    if not size or at + FRAME.size + size > segment.size:
        return None
    record = decode(frame, disk.read(segment.name, at + FRAME.size, size), before)
    return (record, at + FRAME.size + size) if record else None


def skip(disk: Disk, segment: Segment, at: int) -> tuple[Point, int]:
    """Return the point and the offset after the record at an offset, without a check of its content. Raises SpoolDamaged."""
    frame, content = disk.read(segment.name, at, FRAME.size), disk.read(segment.name, at + FRAME.size, CONTENT.size)
    after = at + FRAME.size + content_size(frame)
    if not content_size(frame) or len(content) < CONTENT.size or after > segment.size:
        raise damaged(segment, at)
    return skipped(frame, content), after


def received(disk: Disk, segment: Segment, at: int) -> int:
    """Return when the record at an offset was received (ms). Raises SpoolDamaged."""
    content = disk.read(segment.name, at + FRAME.size, CONTENT.size)
    if len(content) < CONTENT.size:
        raise damaged(segment, at)
    return int(CONTENT.unpack(content)[0])


def cut_torn(disk: Disk, segment: Segment, say: Say) -> Point | None:
    """Cut the newest segment after its last intact record, and return the point there. Remove a file without a whole head: None.

    A power cut can tear only writes that were not acknowledged yet: each file is synced before the next one begins.
    Raises SpoolDamaged if the head is damaged and records follow: the head is synced before the first record.
    """
    point, at = start_of(disk, segment), HEAD.size
    if point is None:
        if segment.size > HEAD.size:
            raise damaged(segment, 0)
        disk.remove(segment.name)
        return None
    while step := read(disk, segment, at, point):
        point, at = step[0].after, step[1]
    _tell_cut(segment, segment.size - at, say)
    if at < segment.size:
        disk.truncate(segment.name, at)
    disk.sync(segment.name)  # after kill -9 its records may be in memory only
    segment.size = at
    return point


def _tell_cut(segment: Segment, size: int, say: Say) -> None:
    if size:
        say(f"{segment.name} ends with no intact record: {size} bytes were cut off. If a power cut tore them, they were not acknowledged.")


def damaged(segment: Segment, at: int) -> SpoolDamaged:
    return SpoolDamaged(
        f"The spool is damaged: {segment.name} has no intact record at byte {at}.",
        "Check the disk. docs/runbook.md, WEIR-309, says how to continue without the damaged file.",
    )
