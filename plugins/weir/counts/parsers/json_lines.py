"""JSON lines: ECS, logstash and others, by the names of their members."""

from __future__ import annotations

import re

from spark_jobs.formats.spec import LineFormat
from weir.counts.parsers import times
from weir.counts.parsers.found import Found, TextParser
from weir.counts.parsers.members import Number, lookup, object_at_start, text_of
from weir.counts.parsers.pattern import MARK, level_of
from weir.counts.parsers.service import named

WHOLE = re.compile(r"-?[0-9]+")


def parser(form: LineFormat, zone: str) -> TextParser:
    """Return the parser of a format whose lines are JSON objects."""
    read, names = times.reading(form.time_format, zone), form.members

    def parse(text: bytes, append_ms: int) -> Found | None:
        found = object_at_start(text.decode())
        if found is None:
            return None
        time = text_of(lookup(found, names["time"]))
        if time is None:
            return None
        level = lookup(found, names["level"])
        service = text_of(lookup(found, names["service"])) if "service" in names else None
        if service and MARK.decode() in service:
            return None
        return Found(_level(level, form), read(time.encode(), append_ms), _service(service))

    return parse


def _level(value: object, form: LineFormat) -> str | None:
    if isinstance(value, Number) and not WHOLE.fullmatch(value):
        return None
    text = text_of(value)
    return level_of(None if text is None else text.strip(" ").encode(), form)


def _service(text: str | None) -> str | None:
    name = (text or "").strip(" ").encode()
    if name[:1] in (b"{", b"[") or times.NUMBER.fullmatch(name):
        return None
    return named(name)
