"""Apache httpd's error log as it comes, by positions."""

from __future__ import annotations

import re

from spark_jobs.formats.spec.times import parsed
from weir.counts.parsers import times
from weir.counts.parsers.found import Found, TextParser

LEVELS = frozenset([b"emerg", b"alert", b"crit", b"error", b"warn", b"notice", b"info", b"debug"] + [b"trace%d" % i for i in range(1, 9)])
INDENTED = re.compile(rb"\[[A-Za-z]{3} [A-Za-z]{3} ")
WHOLE, FRACTION = parsed("%b %e %H:%M:%S %Y"), parsed("%b %e %H:%M:%S.%f %Y")
BETWEEN = b"] ["
NONE, MICROSECONDS = 26, 33  # where the bracket after the time stands, counted from 1: without a fraction, with one of six digits
USUAL = (NONE - 1, MICROSECONDS - 1)
FIRST, LAST = 21, 36  # where it is looked for otherwise
LONGEST_LEVEL = 64  # bytes of module, colon and level


def _head(digits: int) -> re.Pattern[bytes]:
    """Return the head with so many digits of a fraction. Whether its time is one is judged later."""
    fraction = rb"\..{%d}" % digits if digits else b""
    return re.compile(rb"\[.{3} (.{3} .{2} .{2}:.{2}:.{2}%b .{4})\] \[([^\]]{0,%d})\]" % (fraction, LONGEST_LEVEL), re.DOTALL)


HEADS = {NONE: _head(0), **{NONE + 1 + digits: _head(digits) for digits in range(1, 10)}}  # by the position of the bracket


def parser(zone: str) -> TextParser:
    """Return the parser of httpd's default format. It caches the result for each time and level: many lines share them."""
    anew = _parser(zone)
    remembered = times.remembering(anew)

    def parse(text: bytes, append_ms: int) -> Found | None:
        bracket = text.find(BETWEEN, FIRST - 1)
        if bracket not in USUAL:
            return anew(text, append_ms)
        head = text[: text.find(b"]", bracket + len(BETWEEN)) + 1]  # empty without a second bracket: then it is no line of this format
        if len(head) > bracket + len(BETWEEN) + LONGEST_LEVEL + 1:
            return None
        return remembered(head, append_ms)

    return parse


def _parser(zone: str) -> TextParser:
    whole, fraction = times.reading(WHOLE, zone), times.reading(FRACTION, zone)

    def parse(text: bytes, append_ms: int) -> Found | None:
        end = _end(text)
        head = HEADS[end].match(text) if end in HEADS else None
        if head is None:
            return None
        time, name = head.groups()
        level = name.rpartition(b":")[2].lower()
        return Found(level.decode() if level in LEVELS else None, (whole if end == NONE else fraction)(time, append_ms))

    return parse


def _end(text: bytes) -> int:
    """Return the position of the bracket that closes the time, 0 if there is none."""
    if text.startswith(BETWEEN, NONE - 1):
        return NONE
    if text.startswith(BETWEEN, MICROSECONDS - 1):
        return MICROSECONDS
    return text.find(BETWEEN, FIRST - 1, LAST + len(BETWEEN) - 1) + 1


def indented(text: bytes) -> bool:
    """Return whether a text without its indentation may be a line of this format."""
    return INDENTED.match(text) is not None
