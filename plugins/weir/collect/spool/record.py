"""The bytes of a spool: a head for each segment, and records that are chained by their checksums. Pure.

A record's checksum covers its number, its content and the checksum of the record before. So neither another record of the same number, from
a copy of the spool, nor old bytes of a file that was written again have a valid checksum.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from zlib import crc32

from weir.collect.spool.block import Block

MAGIC = b"WEIRSPL1"
HEAD = struct.Struct("<8sQQII")  # magic, number of the first record, values before it, checksum before it, checksum of this head
FRAME = struct.Struct("<IIQ")  # size of the content in bytes, checksum, number
CONTENT = struct.Struct("<QQ?HI")  # received (ms), values before, sized, size of the key, values; then key and body
NUMBER = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Point:
    """A place between two records: the `number` of the next one, how many `values` came before, and the checksum (`check`) before it."""

    number: int = 0
    values: int = 0
    check: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A block with the time at which it was received (ms since 1970), and the point after it."""

    at: int
    block: Block
    after: Point


def head(first: Point) -> bytes:
    """Return the head of the segment that begins at a point."""
    start = HEAD.pack(MAGIC, first.number, first.values, first.check, 0)[:-4]
    return start + struct.pack("<I", crc32(start))


def begins(text: bytes) -> Point | None:
    """Return the point at which a segment begins; None if this is no intact head."""
    if len(text) < HEAD.size:
        return None
    magic, number, values, check, own = HEAD.unpack_from(text)
    return Point(number, values, check) if magic == MAGIC and own == crc32(text[: HEAD.size - 4]) else None


def encode(block: Block, before: Point, at: int) -> tuple[bytes, Point]:
    """Return the bytes of the next record, and the point after it."""
    content = CONTENT.pack(at, before.values, block.sized, len(block.key), block.count) + block.key + block.body
    check = crc32(content, crc32(NUMBER.pack(before.number), before.check))
    after = Point(before.number + 1, before.values + block.count, check)
    return FRAME.pack(len(content), check, before.number) + content, after


def content_size(frame: bytes) -> int:
    """Return the size in bytes of the content that follows a frame; 0 if the frame is incomplete."""
    return int(FRAME.unpack(frame)[0]) if len(frame) == FRAME.size else 0


def skipped(frame: bytes, content: bytes) -> Point:
    """Return the point after a record from its first bytes, without reading its body."""
    _, check, number = FRAME.unpack(frame)
    _, before, _, _, count = CONTENT.unpack_from(content)
    return Point(number + 1, before + count, check)


def decode(frame: bytes, content: bytes, before: Point) -> Record | None:
    """Return the record that comes after a point; None if these bytes are not that record, or only a part of it."""
    size, check, number = FRAME.unpack(frame)
    if number != before.number or size != len(content) or size < CONTENT.size:
        return None
    if check != crc32(content, crc32(NUMBER.pack(number), before.check)):
        return None
    at, _, sized, key, count = CONTENT.unpack_from(content)
    body = content[CONTENT.size + key :]
    block = Block(content[CONTENT.size : CONTENT.size + key], count, body, sized)
    return Record(at, block, Point(number + 1, before.values + count, check))
