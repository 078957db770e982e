"""Syslog, classic and of RFC 5424."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from spark_jobs.formats.spec import LineFormat
from spark_jobs.formats.spec.levels import MOST_PRIORITY, SEVERITIES
from spark_jobs.formats.spec.times import ISO, TimeFormat, parsed
from weir.counts.parsers import times
from weir.counts.parsers.found import Found, TextParser

CLASSIC_TIME, ISO_TIME = parsed("%b %e %H:%M:%S"), TimeFormat(ISO)
PRIORITY = re.compile(rb"<([0-9]{1,3})>")
CLASSIC, ISO_SHAPE = (re.compile(times.shape(form)) for form in (CLASSIC_TIME, ISO_TIME))
WORD = re.compile(rb"[^ ]{1,255}+ ")
TAG = re.compile(rb"[^ :\[\]]{1,64}+(?:\[[^\]]*+\])?+:")
VERSION = re.compile(rb"[0-9]{1,3}+ ")
STRUCTURED_END = re.compile(rb"(?<!\\)\](?= |\Z)")
WORDS = 4  # host, application, process id, message id


class Text(NamedTuple):
    """A text of syslog. `time` is None for `-`."""

    priority: int | None
    time: bytes | None
    message: bytes

    @property
    def valid(self) -> bool:
        """Return whether its priority is one."""
        return self.priority is None or self.priority <= MOST_PRIORITY


def classic(text: bytes) -> Text | None:
    """Take a text of RFC 3164 apart; None if it is none."""
    head = PRIORITY.match(text)
    priority, at = (int(head[1]), head.end()) if head else (None, 0)
    time = CLASSIC.match(text, at) or ISO_SHAPE.match(text, at)
    if time is None or not text.startswith(b" ", time.end()):
        return None
    host = WORD.match(text, time.end() + 1)
    if host is None:
        return None
    tag = TAG.match(text, host.end())
    return Text(priority, time[0], text[tag.end() :].removeprefix(b" ") if tag else text[host.end() :])


def modern(text: bytes) -> Text | None:
    """Take a text of RFC 5424 apart; None if it is none."""
    head = PRIORITY.match(text)
    version = VERSION.match(text, head.end()) if head else None
    if head is None or version is None:
        return None
    time = ISO_SHAPE.match(text, version.end())
    at = time.end() if time else version.end() + 1
    if not (time or text.startswith(b"-", version.end())) or not text.startswith(b" ", at):
        return None
    at += 1
    for _ in range(WORDS):
        word = WORD.match(text, at)
        if word is None:
            return None
        at = word.end()
    end = _after_structured(text, at)
    if end is None or not (end == len(text) or text.startswith(b" ", end)):
        return None
    return Text(int(head[1]), time[0] if time else None, text[end:].removeprefix(b" "))


def _after_structured(text: bytes, at: int) -> int | None:
    """Return where the structured data ends."""
    if text.startswith(b"-", at):
        return at + 1
    if not text.startswith(b"[", at):
        return None
    end = STRUCTURED_END.search(text, at + 1)
    return end.end() if end else None


def parser(form: LineFormat, zone: str, take_apart: Callable[[bytes], Text | None]) -> TextParser:
    """Return the parser of either form."""
    iso, month = times.reading(ISO_TIME, zone), times.reading(CLASSIC_TIME, zone)

    def parse(text: bytes, append_ms: int) -> Found | None:
        found = take_apart(text)
        if found is None or not found.valid:
            return None
        level = form.default_level if found.priority is None else SEVERITIES[found.priority % 8]
        if found.time is None:
            return Found(level, None)
        return Found(level, (iso if found.time[:1].isdigit() else month)(found.time, append_ms))

    return parse
