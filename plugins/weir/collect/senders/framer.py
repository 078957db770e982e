"""What cuts a stream of bytes into lines or messages. Pure.

A line without its end is never part of a block: `unfinished` has it, for the message about it.
"""

from __future__ import annotations

from typing import Protocol

from weir.collect.spool.block import Block

LONGEST = 65_536  # bytes; a counting job rejects longer lines as too_long


class Malformed(Exception):
    """The stream is not framed as it should be, and where the next message begins is not known. `block` has what came before."""

    def __init__(self, why: str, block: Block | None) -> None:
        super().__init__(why)
        self.block = block


class Framer(Protocol):
    """Cuts one stream."""

    @property
    def refused(self) -> int:
        """Return how many values over the limit were left out so far."""
        ...

    def feed(self, data: bytes) -> Block | None:
        """Return the whole values that end in these bytes; None if there is none. Raises Malformed."""
        ...

    @property
    def unfinished(self) -> bytes:
        """Return the beginning of the value that has no end yet."""
        ...
