"""Cut a stream into messages that begin with their size (RFC 6587). Pure."""

from __future__ import annotations

from weir.collect.senders.framer import LONGEST, Malformed
from weir.collect.spool.block import Block

DIGITS = 8  # of the size of a message


class Octets:
    """Messages that begin with their size: `11 hello world` (octet counting, RFC 6587). The message itself is not changed."""

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
        """Return where the next message begins and ends; None if it is not complete yet. Raises Malformed, with the values before."""
        if at >= len(self._rest):
            return None
        end = self._rest.find(b" ", at, at + DIGITS + 1)
        size = bytes(self._rest[at : end if end >= 0 else at + DIGITS + 1])
        if not size.isdigit() or size.startswith(b"0") or (end < 0 and len(size) > DIGITS):
            raise Malformed(f"the size of a message was expected, but {size[:20]!r} came", self._block(values))
        if end < 0:
            return None
        start, stop = end + 1, end + 1 + int(size)
        if stop - start > self._longest:
            self.refused += 1
            return start, stop
        return (start, stop) if stop <= len(self._rest) else None
