"""A block: values that came together. Each record of the spool is one block, so the cost of a record is shared by many values."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

LARGEST = 512 * 1024  # bytes up to which blocks are merged; a single block may be larger
LF = b"\n"


@dataclass(frozen=True, slots=True)
class Block:
    """`count` values with one key, in the order in which they came.

    `body` has each value with an LF behind it. If a value contains an LF, the block is `sized`: the body then begins with the size of each
    value in bytes (4 bytes, little endian), and the values follow without anything between them.
    """

    key: bytes
    count: int
    body: bytes
    sized: bool = False

    @classmethod
    def of(cls, key: bytes, values: Sequence[bytes]) -> Block:
        """Return the block of some values."""
        body = LF.join(values) + LF
        if body.count(LF) == len(values):
            return cls(key, len(values), body)
        sizes = struct.pack(f"<{len(values)}I", *map(len, values))
        return cls(key, len(values), sizes + b"".join(values), sized=True)

    def values(self) -> list[bytes]:
        """Return the values, without their LF."""
        if not self.sized:
            return self.body.split(LF)[:-1]
        found, at = [], 4 * self.count
        for size in struct.unpack_from(f"<{self.count}I", self.body):
            found.append(self.body[at : at + size])
            at += size
        return found


def merged(blocks: Iterable[Block]) -> list[Block]:
    """Return the same values in the same order in fewer blocks."""
    found: list[Block] = []
    for (key, sized), alike in groupby(blocks, key=lambda block: (block.key, block.sized)):
        for run in _runs(alike):
            if len(run) == 1:
                found.append(run[0])
            elif sized:
                found.append(Block.of(key, [value for block in run for value in block.values()]))
            else:
                found.append(Block(key, sum(block.count for block in run), b"".join(block.body for block in run)))
    return found


def _runs(blocks: Iterable[Block]) -> Iterable[list[Block]]:
    """Yield neighbours that have at most LARGEST bytes together."""
    run: list[Block] = []
    size = 0
    for block in blocks:
        if run and size + len(block.body) > LARGEST:
            yield run
            run, size = [], 0
        run.append(block)
        size += len(block.body)
    if run:
        yield run
