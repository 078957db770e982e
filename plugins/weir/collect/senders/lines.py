"""Cut a stream into lines. Pure."""

from __future__ import annotations

from weir.collect.senders.framer import LONGEST
from weir.collect.spool.block import LF, Block


class Lines:
    """Lines that end at LF. One CR before it is dropped."""

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
        """Return whether all lines are short enough, with fewer searches than there are lines."""
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
