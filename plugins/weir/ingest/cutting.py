"""Cut text into lines, and know where each ends in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_LINE = 1024 * 1024  # bytes, without the line end


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a text. None stands for a line over the limit. Offsets are bytes of the text, from its beginning."""

    lines: Sequence[bytes | None]
    start: int
    stop: int
    pieces: Sequence[bytes]  # what was cut, without LF; the first one lacks the `carried` bytes that came before
    carried: int = 0

    def end(self, lines: int) -> int:
        """Return the offset after so many of the lines."""
        if not lines:
            return self.start
        return min(self.stop, self.start + self.carried + sum(map(len, self.pieces[:lines])) + lines)


class Cutter:
    """Cuts at LF only, and drops one CR before it. At most `limit` bytes of an unfinished line are kept in memory."""

    def __init__(self, offset: int = 0, limit: int = MAX_LINE) -> None:
        self._start, self._limit = offset, limit
        self._rest, self._carried = b"", 0  # the unfinished line: its text as far as it is kept, and its size

    @property
    def unfinished(self) -> int:
        """Return the size of the line that has no end yet."""
        return self._carried

    def feed(self, text: bytes) -> Block:
        *pieces, tail = text.split(b"\n")
        has_cr = b"\r" in text or self._rest.endswith(b"\r")
        block = self._block(pieces, ended=True, has_cr=has_cr) if pieces else Block((), self._start, self._start, ())
        self._rest += tail
        self._carried += len(tail)
        if len(self._rest) > self._limit + 1:  # one more may be the CR
            self._rest = b""
        return block

    def end(self) -> Block:
        """Return the last line, which has no LF, if there is one. Its CR is kept: it may not be a line's end."""
        return self._block([b""], ended=False, has_cr=False) if self._carried else Block((), self._start, self._start, ())

    def _block(self, pieces: list[bytes], ended: bool, has_cr: bool) -> Block:
        size = self._carried + sum(map(len, pieces)) + ended * len(pieces)
        whole = len(self._rest) == self._carried
        first = self._rest + pieces[0] if self._rest else pieces[0]
        texts = [first, *pieces[1:]]
        lines: list[bytes | None] = [t[:-1] if t.endswith(b"\r") else t for t in texts] if has_cr else list(texts)
        if max(map(len, texts)) > self._limit:
            lines = [None if line is not None and len(line) > self._limit else line for line in lines]
        if not whole:
            lines[0] = None
        block = Block(lines, self._start, self._start + size, pieces, self._carried)
        self._start, self._rest, self._carried = block.stop, b"", 0
        return block
