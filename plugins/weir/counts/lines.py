"""Parse lines of an Apache error log for the recount. Written from the format's description in plain Python: it shares no code with the
job, so that a mistake in either shows as a difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spark_jobs.counts.cells import UNKNOWN_SERVICE
from spark_jobs.formats import spec
from spark_jobs.formats.spec.continuations import BRACKETS, CONTINUATION, EXCEPTIONS, LONGEST_BRACKETS, LONGEST_EXCEPTION, OPENINGS
from weir.counts.rules import Rules
from weir.errors import BadInput
from weir.times import EPOCH

MONTHS = {m: i for i, m in enumerate((b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1)}
LEVELS = frozenset([b"emerg", b"alert", b"crit", b"error", b"warn", b"notice", b"info", b"debug"] + [b"trace%d" % i for i in range(1, 9)])
# The day of the week is any three bytes; a module may stand before the level; what follows the level does not matter.
HEAD = re.compile(rb"\[(.{4}.{3} .{2} .{2}:.{2}:.{2}(?:\..{1,9}?)? .{4})\] \[([^\]]{0,64})\]", re.DOTALL)
TIME = re.compile(rb"... (...) ([ 0-9][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))? ([0-9]{4})", re.DOTALL)
INDENTED = re.compile(rb"[ \t]+\[[A-Za-z]{3} [A-Za-z]{3} ")  # a line of the format, after blanks
NAME = re.compile(rb"[0-9A-Za-z_.$]*")
LONGEST = 65_536  # bytes of a line that are read
LONGEST_KEY = 256  # bytes of a service's name
REMEMBERED = 50_000  # texts of times; a busy second has one or a million
Parsed = tuple[int, str]  # event time (ms), level
Parse = Callable[[bytes | None, int], Parsed | str]


def parser(rules: Rules) -> Parse:
    """Return a function from a line and its append time (ms) to its event time and level, or to the reason for its rejection."""
    described = spec.described(rules.line_format)
    if described.name != "apache_error" or described.parts or described.containers or rules.services:
        raise BadInput(f"line_format: {rules.line_format} cannot be recounted.", "Recount knows apache_error.")
    zone, known = ZoneInfo(rules.time_zone), {}  # type: ZoneInfo, dict[bytes, int | None]

    def parse(value: bytes | None, append_ms: int) -> Parsed | str:
        if not value:
            return "empty"
        if len(value) > LONGEST:
            return "too_long"
        head = HEAD.match(value)
        if not _is_utf8(value):
            return "not_utf8"
        level = _level(head[2]) if head else None
        if head is None or level is None:
            return CONTINUATION if described.continuations and continues(value, described.openings) else "not_a_log_line"
        text = head[1]
        if text not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            known[text] = _moment(text, zone)
        moment = known[text]
        if moment is None:
            return "bad_time"
        return "future" if moment > append_ms + rules.future_skew else (moment, level)

    return parse


def continues(value: bytes, openings: Iterable[str] = ()) -> bool:
    """Return whether a line that is not of its format continues the one before, as docs/formats.md says it."""
    if value[:1] in (b" ", b"\t"):
        return not INDENTED.match(value)
    if value.startswith(tuple(opening.encode() for opening in (*OPENINGS, *openings))) or (value[:1] == b"#" and value[1:2].isdigit()):
        return True
    if len(value) <= LONGEST_BRACKETS and not value.strip(BRACKETS.encode()):
        return True
    name = NAME.match(value)[0]  # type: ignore[index]
    known = any(name.endswith(ending.encode()) and len(name) > len(ending) for ending in EXCEPTIONS)
    return known and len(name) <= LONGEST_EXCEPTION and value[len(name) :][:1] in (b"", b":")


def service_of(key: bytes | None) -> str:
    """Return the service in a record's key."""
    return key[:LONGEST_KEY].decode(errors="replace") if key else UNKNOWN_SERVICE


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _level(text: bytes) -> str | None:
    """Parse a level: `error`, `core:error` or `:error`, in any case."""
    level = text.rpartition(b":")[2].lower()
    return level.decode() if level in LEVELS else None


def _moment(text: bytes, zone: ZoneInfo) -> int | None:
    """Parse `Fri Sep 09 10:42:29.902022 2011` to ms; None if it is no valid time. The day of the week is ignored."""
    match = TIME.fullmatch(text)
    month = MONTHS.get(match[1]) if match else None
    if match is None or month is None:
        return None
    day, hour, minute, second, year = (int(match[i]) for i in (2, 3, 4, 5, 7))
    try:
        local = datetime(year, month, day, hour, minute, second, 1000 * int((match[6] or b"0")[:3].ljust(3, b"0")), zone)
        return (local - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
