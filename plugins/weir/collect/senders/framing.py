"""Cut a stream of bytes into lines or messages. Pure.

A line without its end is never part of a block: `unfinished` has it, and whoever closes the stream tells of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from weir.collect.spool.block import LF, Block

LONGEST = 65_536  # bytes; a counting job rejects longer lines as too_long
MOST = 1_000_000  # bytes; the default max.message.bytes of a topic, less what surrounds a line in its record
DIGITS = 8  # of the size of a message; 0 to 9


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


class Lines:
    """Lines that end at LF, with one CR before it dropped."""

    def __init__(self, key: bytes, longest: int = LONGEST) -> None:
        self._key, self._longest = key, longest
        self._rest, self._skipping = bytearray(), False
        self.refused = 0

    @property
    def unfinished(self) -> bytes:
        return bytes(self._rest)

    def feed(self, data: bytes) -> Block | None:
        end = data.rfind(LF) + 1
        text = self._whole(data[:end]) if end else b""
        self._keep(data[end:])
        return Block(self._key, text.count(LF), text) if text else None

    def _whole(self, text: bytes) -> bytes:
        """Return the lines that end here."""
        if self._skipping:
            text, self._skipping = text[text.index(LF) + 1 :], False
        if self._rest:
            text = bytes(self._rest) + text
            self._rest.clear()
        if b"\r\n" in text:
            text = text.replace(b"\r\n", LF)
        return text if self._fits(text) else self._shorter(text)

    def _fits(self, text: bytes) -> bool:
        """Return whether no line is too long, by a few looks and not one for each line."""
        at = 0
        while len(text) - at > self._longest + 1:
            end = text.rfind(LF, at, at + self._longest + 1)
            if end < 0:
                return False
            at = end + 1
        return True

    def _shorter(self, text: bytes) -> bytes:
        lines = text.split(LF)[:-1]
        kept = [line for line in lines if len(line) <= self._longest]
        self.refused += len(lines) - len(kept)
        return LF.join(kept) + LF if kept else b""

    def _keep(self, tail: bytes) -> None:
        if self._skipping:
            return
        self._rest += tail
        if len(self._rest) > self._longest + 1:  # one more may be the CR
            self._rest.clear()
            self._skipping = True
            self.refused += 1


class Octets:
    """Messages with their size in front: `11 hello world` (octet counting, RFC 6587). A message is taken as it is."""

    def __init__(self, key: bytes, longest: int = LONGEST) -> None:
        self._key, self._longest = key, longest
        self._rest, self._skip = bytearray(), 0
        self.refused = 0

    @property
    def unfinished(self) -> bytes:
        return bytes(self._rest)

    def feed(self, data: bytes) -> Block | None:
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip, data = self._skip - passed, data[passed:]
            if not data:
                return None
        self._rest += data
        values: list[bytes] = []
        at = 0
        while (step := self._step(at, values)) is not None:
            start, at = step
            if at - start <= self._longest:
                values.append(bytes(self._rest[start:at]))
        self._skip = max(0, at - len(self._rest))
        del self._rest[:at]
        return self._block(values)

    def _block(self, values: list[bytes]) -> Block | None:
        return Block.of(self._key, values) if values else None

    def _step(self, at: int, values: list[bytes]) -> tuple[int, int] | None:
        """Return where the next message begins and ends; None if it is not there as a whole. Raises Malformed, with the values before."""
        if at >= len(self._rest):
            return None
        end = self._rest.find(b" ", at, at + DIGITS + 1)
        size = bytes(self._rest[at : end if end >= 0 else at + DIGITS + 1])
        if not size.isdigit() or size.startswith(b"0") or (end < 0 and len(size) > DIGITS):
            raise Malformed(f"the size of a message was expected, and {size[:20]!r} came", self._block(values))
        if end < 0:
            return None
        start, stop = end + 1, end + 1 + int(size)
        if stop - start > self._longest:
            self.refused += 1
            return start, stop
        return (start, stop) if stop <= len(self._rest) else None


class Either:
    """Octet counting if the first byte is a digit, as RFC 6587 lets a receiver tell them apart; lines otherwise."""

    def __init__(self, key: bytes, longest: int = LONGEST) -> None:
        self._make: Callable[[type[Lines] | type[Octets]], Framer] = lambda kind: kind(key, longest)
        self._chosen: Framer | None = None

    @property
    def refused(self) -> int:
        return self._chosen.refused if self._chosen else 0

    @property
    def unfinished(self) -> bytes:
        return self._chosen.unfinished if self._chosen else b""

    def feed(self, data: bytes) -> Block | None:
        if self._chosen is None:
            self._chosen = self._make(Octets if data[:1].isdigit() else Lines)
        return self._chosen.feed(data)


FRAMINGS: dict[str, Callable[[bytes, int], Framer]] = {"lines": Lines, "octets": Octets, "auto": Either}
