"""Read an open file as text: recognise its encoding, cut it into lines, know how far it was sent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from weir.errors import UnreadableInput
from weir.ingest.cutting import MAX_LINE, Block, Cutter
from weir.ingest.decoding import Recognised
from weir.ingest.position import HEAD, Mark, digest
from weir.output import readable

READ = 1024 * 1024
FIRST = 256  # raw bytes by which a file that was written anew is noticed


class Text:
    """An open file. `sent` is the offset in its text up to which lines were handed over, `kept` that of the last commit.

    `over`: no more bytes will come, so that its last line needs no end. `ended`: all of it was handed over. `gone`: it was truncated.
    """

    def __init__(self, handle: int, name: str, limit: int = MAX_LINE) -> None:
        self.handle, self.name, self._limit = handle, name, limit
        self.regular = stat.S_ISREG(os.fstat(handle).st_mode)
        self.over = self.ended = self.gone = False
        self.kept, self._head, self._first = 0, b"", b""
        self.seek(0)

    @property
    def limit(self) -> int:
        """Return how long a line may be, in bytes."""
        return self._limit

    @property
    def problem(self) -> str:
        """Return why the text is not whole: a truncated or damaged archive; empty if it is."""
        return self._decoder.problem or ("it is shorter than what was sent of it before" if self._skip and self.ended else "")

    @property
    def unfinished(self) -> int:
        """Return the size of the last line, which has no end yet."""
        return self._cutter.unfinished

    def check(self) -> None:
        """Look whether a file is one of lines. Raises UnreadableInput."""
        if self.regular:
            self._read_head(1)
            self.seek(0)

    def allow(self, limit: int) -> None:
        """Set how long a line may be, before the first is read."""
        self._limit = limit
        self.seek(0)

    def seek(self, offset: int) -> None:
        """Go to an offset of the text."""
        self._decoder, self._cutter = Recognised(shown(self.name)), Cutter(offset, self._limit)
        self.read, self._skip, self._at = 0, offset, 0
        self.sent, self.ended = offset, False

    def rewind(self) -> None:
        """Go back to the last commit."""
        self.seek(self.kept)

    def blocks(self) -> Iterator[Block]:
        """Yield the lines that are there now. Raises UnreadableInput."""
        for text in self._texts():
            if (block := self._cutter.feed(text)).lines:
                yield block

    def rest(self) -> Iterator[Block]:
        """Yield what is left when no more bytes will come: the last line may have no end. Raises UnreadableInput."""
        for text in self._decoder.end():
            yield self._cutter.feed(self._passed(text))
        yield self._cutter.end()
        self.ended = True

    def mark(self) -> Mark:
        """Return how far this file was sent."""
        found, length = os.fstat(self.handle), min(self.sent, HEAD)
        return Mark(self.name, found.st_dev, found.st_ino, found.st_mtime_ns, self.sent, length, digest(self._head[:length]))

    def is_the_one(self, mark: Mark) -> bool:
        """Return whether this file begins as the one that was sent, and is as long. Reads its beginning."""
        try:
            self._read_head(mark.length)
        except UnreadableInput:
            return False
        size = self._size()
        fits = size is None or size >= mark.offset
        same = digest(self._head[: mark.length]) == mark.digest
        self.seek(0)
        return same and fits

    def ends_at(self, offset: int) -> bool:
        """Return whether a text has so many bytes. An archive is taken to have them: it would have to be read."""
        self._read_head(1)
        size = self._size()
        self.seek(0)
        return size in (None, offset)

    def _size(self) -> int | None:
        """Return the size of the text; None if only reading it would tell."""
        shift = self._decoder.shift
        return None if shift is None else os.fstat(self.handle).st_size - shift

    def _read_head(self, length: int) -> None:
        for _ in self._texts():
            if len(self._head) >= length:
                return
        for text in self._decoder.end():
            self._passed(text)

    def was_cut(self) -> bool:
        """Return whether the file is shorter than what was read, or begins with other bytes."""
        if not self.regular:
            return False
        return os.fstat(self.handle).st_size < self.read or os.pread(self.handle, len(self._first), 0) != self._first

    def anew(self) -> Text:
        """Return the same file from its beginning, after it was truncated."""
        self.gone = True
        return Text(os.dup(self.handle), self.name, self._limit)

    def close(self) -> None:
        os.close(self.handle)

    def _texts(self) -> Iterator[bytes]:
        while raw := self._raw():
            self.read += len(raw)
            self._first = self._first or raw[:FIRST]
            for text in self._decoder.feed(raw):
                if text := self._passed(text):
                    yield text
            if self._skip and self._decoder.shift is not None:  # bytes are text: what was sent need not be read
                self.read, self._skip = self.read + self._skip, 0

    def _passed(self, text: bytes) -> bytes:
        """Note the beginning, and drop what was sent before."""
        if self._at <= len(self._head) < min(HEAD, self._at + len(text)):
            self._head = (self._head[: self._at] + text)[:HEAD]
        self._at += len(text)
        if self._skip:
            text, self._skip = text[self._skip :], max(0, self._skip - len(text))
        return text

    def _raw(self) -> bytes:
        if self.gone:
            return b""  # what is there now is another text
        try:
            return os.pread(self.handle, READ, self.read) if self.regular else os.read(self.handle, READ)
        except OSError as error:
            raise unreadable(self.name, error) from error


def opened(path: Path | str, limit: int = MAX_LINE) -> Text:
    """Open a file, or standard input for `-`. Raises UnreadableInput."""
    name = "standard input" if str(path) == "-" else str(path)
    try:
        handle = os.dup(0) if str(path) == "-" else os.open(path, os.O_RDONLY)
        os.read(handle, 0)
    except OSError as error:
        raise unreadable(name, error) from error
    return Text(handle, name, limit)


def unreadable(name: str, error: OSError) -> UnreadableInput:
    return UnreadableInput(f"{shown(name)} cannot be read: {error.strerror}.", "Name a file, or - for standard input.")


def shown(name: Path | str) -> str:
    """Return a file's name for messages: bytes that are no UTF-8 as escapes."""
    return readable(os.fsencode(name)).replace("\\\\", "\\")
