"""Turn the bytes of a file into text in UTF-8, as they come: drop a byte order mark, convert UTF-16, decompress."""

from __future__ import annotations

import bz2
import codecs
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from weir.errors import UnreadableInput
from weir.ingest.kinds import Kind, Packing, is_enough, kind_of

STEP = 4096  # compressed bytes at a time: a few bytes may stand for megabytes
DEPTH = 2  # archives within archives


class Decoder(Protocol):
    """`problem` says why the text is not whole. `shift` is how far text offsets are from those of the bytes; None if they do not match."""

    @property
    def problem(self) -> str: ...
    @property
    def shift(self) -> int | None: ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text of the next bytes. Raises UnreadableInput."""
        ...

    def end(self) -> Iterator[bytes]:
        """Yield the text that waited for more bytes. Raises UnreadableInput."""
        ...


class AsItIs:
    problem = ""

    def __init__(self, mark: int = 0) -> None:
        self.shift: int | None = mark

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> Iterator[bytes]:
        return iter(())


class Wide:
    """UTF-16 or UTF-32. What is no character becomes U+FFFD."""

    shift: int | None = None

    def __init__(self, encoding: str) -> None:
        self.problem = ""
        self._encoding, self._decoder = encoding, codecs.getincrementaldecoder(encoding)("replace")

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._decoder.decode(data).encode()

    def end(self) -> Iterator[bytes]:
        if rest := self._decoder.decode(b"", True):
            self.problem = f"its {self._encoding.upper()} text ends within a character"
            yield rest.encode()


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


def _damages() -> tuple[type[Exception], ...]:
    import zstandard

    return (zlib.error, lzma.LZMAError, OSError, EOFError, zstandard.ZstdError)


UNPACKERS: dict[Packing, Callable[[], Any]] = {
    Packing.GZIP: lambda: zlib.decompressobj(31),
    Packing.ZSTD: _zstd,
    Packing.BZIP2: bz2.BZ2Decompressor,
    Packing.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}


class Unpacked:
    """A compressed stream of one member or several, as also pigz, pbzip2 and pzstd write them. Zeros between them are padding."""

    shift: int | None = None

    def __init__(self, packing: Packing, inner: Decoder) -> None:
        self._packing, self._inner, self._damage = packing, inner, ""
        self._member: Any = None  # the one that is read; None between two
        self._members = 0

    @property
    def problem(self) -> str:
        return self._damage or self._inner.problem

    def feed(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), STEP):
            yield from self._piece(data[at : at + STEP])

    def end(self) -> Iterator[bytes]:
        if self._member is not None and not self._damage:
            self._damage = f"its {self._packing} data ends in the middle"
        yield from self._inner.end()

    def _piece(self, data: bytes) -> Iterator[bytes]:
        while data and not self._damage:
            if self._member is None:
                data = data.lstrip(b"\0") if self._members else data
                if not data:
                    return
                self._member, self._members = UNPACKERS[self._packing](), self._members + 1
            try:
                text = self._member.decompress(data)
            except _damages() as error:
                self._damage = f"its {self._packing} data is damaged ({error})"
                return
            data = b""
            if self._member.eof:
                data, self._member = self._member.unused_data, None
            if text:
                yield from self._inner.feed(text)


class Recognised:
    """Waits for the first bytes of a stream, and decodes it as what they show."""

    def __init__(self, name: str, depth: int = 0) -> None:
        self._name, self._depth, self._head = name, depth, b""
        self._inner: Decoder | None = None

    @property
    def problem(self) -> str:
        return self._inner.problem if self._inner else ""

    @property
    def shift(self) -> int | None:
        return self._inner.shift if self._inner else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            self._head += data
            if not is_enough(self._head):
                return
            data = self._begin()
        if self._inner is not None:
            yield from self._inner.feed(data)

    def end(self) -> Iterator[bytes]:
        if self._inner is None and self._head:
            yield from self._decoder(kind := kind_of(self._head)).feed(self._head[kind.mark :])
        if self._inner is not None:
            yield from self._inner.end()

    def _begin(self) -> bytes:
        kind, head = kind_of(self._head), self._head
        self._decoder(kind)
        self._head = b""
        return head[kind.mark :]

    def _decoder(self, kind: Kind) -> Decoder:
        if kind.unreadable:
            raise UnreadableInput(f"{self._name} is {kind.unreadable[0]}, not lines of text.", _way_on(kind.unreadable[1]))
        if kind.packing and self._depth >= DEPTH:
            raise UnreadableInput(f"{self._name} is compressed more than {DEPTH} times.", "Decompress it first.")
        inner: Decoder
        if kind.packing:
            inner = Unpacked(kind.packing, Recognised(self._name, self._depth + 1))
        else:
            inner = AsItIs(kind.mark) if kind.encoding == "utf-8" else Wide(kind.encoding)
        self._inner = inner
        return inner


def _way_on(tool: str) -> str:
    return f"Send its lines: {tool} FILE | weir ingest - --service NAME" if tool else "Nothing of it was sent."
