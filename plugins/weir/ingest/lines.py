"""Cut bytes into lines."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE = 1024 * 1024  # bytes, without the line end


def lines(chunks: Iterator[bytes]) -> Iterator[bytes | None]:
    """Split at LF only, and drop one CR before it. Yields None for a line over the limit; at most the limit is kept in memory."""
    rest, too_long = b"", False
    for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for piece in whole:
            line = rest + piece if rest else piece
            line = line[:-1] if line.endswith(b"\r") else line
            yield None if too_long or len(line) > MAX_LINE else line
            rest, too_long = b"", False
        rest += tail
        if len(rest) > MAX_LINE + 1:  # one more may be the CR
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long or len(rest) > MAX_LINE else rest
