"""Judge whole lines: containers, format, continuation, time. In the order of docs/formats.md."""

from __future__ import annotations

from collections.abc import Callable

from spark_jobs.formats.spec import APACHE, JSON_FORMATS, LineFormat
from spark_jobs.formats.spec.continuations import CONTINUATION
from spark_jobs.formats.spec.fields import SYSLOG, SYSLOG_5424
from weir.counts.parsers import apache, json_lines, pattern, syslog
from weir.counts.parsers.containers import container
from weir.counts.parsers.continuations import continuation
from weir.counts.parsers.found import Found, Indented, TextParser

LONGEST = 65_536  # bytes of a line that are read
Judge = Callable[[bytes | None, int], Found | str]  # a line and its append time (ms); its text with a time, or the reason for its rejection


def text_parser(form: LineFormat, zone: str) -> tuple[TextParser, Indented]:
    """Return the parser of a format's texts, and what tells an indented line of it from a continuation."""
    if form.parts:
        parse = pattern.parser(form, zone)
    elif form.name in JSON_FORMATS:
        return json_lines.parser(form, zone), lambda text: text.startswith(b'{"')
    elif form.name in (SYSLOG, SYSLOG_5424):
        take_apart = syslog.modern if form.name == SYSLOG_5424 else syslog.classic
        return syslog.parser(form, zone, take_apart), lambda text: take_apart(text) is not None
    else:
        assert form.name == APACHE
        return apache.parser(zone), apache.indented
    return parse, lambda text: parse(text, 0) is not None


def judge(form: LineFormat, zone: str, future_skew: int) -> Judge:
    """Return the judgement on lines of a format, in a time zone. `future_skew` in ms."""
    parse, indented = text_parser(form, zone)
    around, continues = [container(name) for name in form.containers], continuation(form, indented)

    def line(value: bytes | None, append_ms: int) -> Found | str:
        if (reason := refused(value)) or value is None:
            return reason
        text: bytes | None = value
        for take_off in around:
            text = take_off(text) if text else None
        if text is None:
            return "not_a_log_line"
        if not text:
            return "empty"
        found = parse(text, append_ms)
        if found is None or found.level is None:
            return CONTINUATION if continues(text) else "not_a_log_line"
        if found.moment is None:
            return "bad_time"
        return "future" if found.moment > append_ms + future_skew else found

    return line


def refused(value: bytes | None) -> str:
    """Return the reason for which a value is not read at all; empty if it is read."""
    if not value:
        return "empty"
    if len(value) > LONGEST:
        return "too_long"
    if value.isascii():
        return ""
    try:
        value.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    return ""
