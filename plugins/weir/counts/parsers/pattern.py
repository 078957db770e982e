"""Match a text against the parts of a pattern, from left to right and without trying anything twice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from spark_jobs.formats.spec import LineFormat
from spark_jobs.formats.spec.pattern import LEVEL, MESSAGE, SERVICE, TIME, Literal, Maybe, Part
from weir.counts.parsers import times
from weir.counts.parsers.found import Found, TextParser
from weir.counts.parsers.service import named

LEVEL_RUN = re.compile(rb"[0-9A-Za-z]{1,16}")
BLANKS = re.compile(rb" *")
MARK = b"\x01"  # a text or a service with it does not fit
Values = dict[str, bytes]


class _Walk:
    """One text, and how far it was matched."""

    def __init__(self, text: bytes, time: re.Pattern[bytes]) -> None:
        self._text, self._time, self.at = text, time, 0
        self.values: Values = {}

    def all(self, parts: Sequence[Part]) -> bool:
        """Match the parts; return whether they fit."""
        return all(self._one(part, parts[n + 1] if n + 1 < len(parts) else None) for n, part in enumerate(parts))

    def _one(self, part: Part, following: Part | None) -> bool:
        if isinstance(part, Literal):
            return self._literal(part.text.encode())
        if isinstance(part, Maybe):
            return self._maybe(part)
        if self.at:
            self.at = BLANKS.match(self._text, self.at).end()  # type: ignore[union-attr]  # it always matches
        if part.name == TIME:
            return self._run(TIME, self._time)
        if part.name == MESSAGE:
            self.at = len(self._text)
            return True
        end = following.text.encode() if isinstance(following, Literal) else b""
        return self._level(end) if part.name == LEVEL else self._upto(part.name, end)

    def _literal(self, text: bytes) -> bool:
        if not self._text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _maybe(self, part: Maybe) -> bool:
        at, values = self.at, dict(self.values)
        if not self.all(part.parts):
            self.at, self.values = at, values
        return True

    def _run(self, name: str, pattern: re.Pattern[bytes]) -> bool:
        match = pattern.match(self._text, self.at)
        if match is None:
            return False
        self.values[name], self.at = match[0], match.end()
        return True

    def _level(self, end: bytes) -> bool:
        """Take the level, and the blanks up to the literal after it, whose own blanks are among them."""
        if not self._run(LEVEL, LEVEL_RUN):
            return False
        last = BLANKS.match(self._text, self.at).end()  # type: ignore[union-attr]  # it always matches
        self.at = next((at for at in range(self.at, last + 1) if self._text.startswith(end, at)), -1)
        return self.at >= 0

    def _upto(self, name: str, end: bytes) -> bool:
        found = self._text.find(end, self.at)
        if found < 0:
            return False
        self.values[name], self.at = self._text[self.at : found], found
        return True


def parser(form: LineFormat, zone: str) -> TextParser:
    """Return the parser of a format that has parts."""
    shape, read = re.compile(times.shape(form.time_format), re.DOTALL), times.reading(form.time_format, zone)

    def parse(text: bytes, append_ms: int) -> Found | None:
        walk = _Walk(text, shape)
        if text[:1] == MARK or not walk.all(form.parts):
            return None
        service = walk.values.get(SERVICE, b"")
        if MARK in service:
            return None
        return Found(level_of(walk.values.get(LEVEL), form), read(walk.values[TIME], append_ms), named(service))

    return parse


def level_of(name: bytes | None, form: LineFormat) -> str | None:
    """Return the level of that name; the default one for none; None for a name that is no level."""
    if name is None:
        return form.default_level or None
    names: Mapping[str, str] = form.levels
    return names.get(name.decode().lower()) if name.isascii() else None
