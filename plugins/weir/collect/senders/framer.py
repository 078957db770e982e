"""The interface of what cuts a stream of bytes into lines or messages. Pure.

An unfinished line is never part of a block: `unfinished` returns it, for the message about it.
"""

from __future__ import annotations

from typing import Protocol

from weir.collect.spool.block import Block

LONGEST = 65_536  # bytes; a counting job rejects longer lines as too_long


class Malformed(Exception):
    """The stream has no valid frame here, so the start of the next message is unknown. `block` has the messages before."""

    def __init__(self, why: str, block: Block | None) -> None:
        super().__init__(why)
        self.block = block


class Framer(Protocol):
    """Cuts one stream."""

    @property
    def refused(self) -> int:
        """Return how many values were dropped so far because they are longer than the limit."""
        ...

    def feed(self, data: bytes) -> Block | None:
        """Return the complete values that end in these bytes; None if there are none. Raises Malformed."""
        ...

    @property
    def unfinished(self) -> bytes:
        """Return the beginning of the value that is not complete yet."""
        ...
