"""Grow and spoil lines: at every length, and at every place where a rule of a format begins or ends. Deterministic for a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

PIECES = (
    *(bytes([byte]) for byte in b" \t\r\x00\x01[]\\\"'{}:,.-+|<>09ZT"),
    *(b"  ", b"] [", b" 2", b"at ", b"Caused by: x", b"stdout F ", b"web-1 | ", b"\xc3\xa9", b"\xff", b"\xf0\x9f\x98\x80"),
    *b"{} [] <13> <192> #1 00 1e3 -0 +01:00 -2360 30 24 60 9999 0000 Feb error ERROR warning trace9 java.lang.Error:".split(),
    *rb'null true \u0001 \ud800 "level":"error" "@timestamp":null'.split(),
)
LENGTHS = (1, 2, 8, 9, 10, 15, 16, 17, 62, 63, 64, 65, 66, 254, 255, 256, 257)


def mutated(lines: Sequence[bytes], n: int, seed: int) -> Iterator[bytes]:
    """Yield the lines, each cut at every length, and `n` lines with one to four changes."""
    yield from lines
    for line in lines:
        yield from (line[:length] for length in range(len(line)))
    rng = random.Random(seed)
    for _ in range(n):
        line = rng.choice(lines)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
            line = rng.choice(CHANGES)(rng, line, lines)
        yield line


def _insert(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(line))
    return line[:at] + rng.choice(PIECES) + line[at:]


def _replace(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    at, piece = rng.randint(0, len(line)), rng.choice(PIECES)
    return line[:at] + piece + line[at + len(piece) :]


def _delete(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(line))
    return line[:at] + line[at + rng.choice((1, 1, 1, 2, 5)) :]


def _digit(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    """Change a digit: the lines' times are what has most rules."""
    places = [at for at, byte in enumerate(line) if 48 <= byte <= 57]
    if not places:
        return line
    at = rng.choice(places)
    return line[:at] + rng.choice((b"0", b"1", b"3", b"6", b"9", b" ", b"/", b":")) + line[at + 1 :]


def _byte(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    """Change a byte to any character of ASCII: a rule about digits or letters is not tried by digits and letters."""
    if not line:
        return line
    at = rng.randrange(len(line))
    return line[:at] + bytes([rng.choice((*range(2, 128), 0))]) + line[at + 1 :]


def _grow(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    """Repeat a byte so often that a limit is reached or passed by one."""
    if not line:
        return line
    at = rng.randrange(len(line))
    return line[:at] + line[at : at + 1] * rng.choice(LENGTHS) + line[at:]


def _splice(rng: random.Random, line: bytes, lines: Sequence[bytes]) -> bytes:
    """Begin with one line and end with another."""
    other = rng.choice(lines)
    return line[: rng.randint(0, len(line))] + other[rng.randint(0, len(other)) :]


def _indent(rng: random.Random, line: bytes, _: Sequence[bytes]) -> bytes:
    return rng.choice((b" ", b"\t", b"  \t", b"    ")) + line


CHANGES = (_insert, _insert, _replace, _replace, _delete, _digit, _digit, _byte, _grow, _splice, _indent)
