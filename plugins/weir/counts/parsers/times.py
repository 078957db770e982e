"""Read times by a format of the spec: bytes in, ms since 1970 out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from spark_jobs.formats.spec.pattern import Field, Literal
from spark_jobs.formats.spec.times import ISO, UNIX, UNIX_MS, TimeFormat
from weir.counts.parsers.found import Moment
from weir.times import EPOCH

MONTHS = {m: i for i, m in enumerate((b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1)}
OFFSET = rb"(?P<z>Z|[+-][0-9]{2}(?::[0-9]{2}|[0-9]{2})?+)"
# Each directive by its bytes. Nothing that has matched is tried in another way: groups are atomic, quantifiers possessive.
DIRECTIVES = {
    "Y": rb"(?P<Y>[0-9]{4})",
    "y": rb"(?P<y>[0-9]{2})",
    "m": rb"(?P<m>[0-9]{2})",
    "b": rb"(?P<b>" + b"|".join(MONTHS) + rb")",
    "d": rb"(?P<d>[0-9]{2})",
    "e": rb"(?P<e>[0-9]{2}|\ [0-9])",
    "a": rb"[A-Za-z]{3}",
    "H": rb"(?P<H>[0-9]{2})",
    "M": rb"(?P<M>[0-9]{2})",
    "S": rb"(?P<S>[0-9]{2})",
    "f": rb"(?P<f>[0-9]{1,9}+)",
    "z": OFFSET,
    "s": rb"(?P<s>[0-9]{1,11}+)",
}
ISO_PATTERN = (
    rb"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})[T ](?P<H>[0-9]{2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})"
    rb"(?:[.,](?P<f>[0-9]{1,9}+))?+(?:(?P<utc>Z)|\ ?(?P<z>[+-][0-9]{2}(?::[0-9]{2}|[0-9]{2})?+))?+"
)
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")  # as JSON writes it
MS = timedelta(milliseconds=1)
LATER = timedelta(hours=24) // MS  # how far after its arrival a time without a year may be
PIVOT = 69  # two digits of a year from here on are of the 20th century
LONGEST_OFFSET = 23, 59  # hours and minutes
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999  # ms of the years 1 to 9999
REMEMBERED = 50_000  # texts; a busy second has one or a million

Reading = Callable[[bytes, int], Moment]
T = TypeVar("T")


def shape(form: TimeFormat) -> bytes:
    """Return the regular expression of the bytes of a time."""
    if form.name == ISO:
        return ISO_PATTERN
    return b"".join(re.escape(e.text.encode()) if isinstance(e, Literal) else DIRECTIVES[e.name] for e in form.elements)


def reading(form: TimeFormat, zone: str) -> Reading:
    """Return a function from the text of a time, from end to end, and the append time (ms) to the time; None if there is no such time."""
    if form.name in (UNIX, UNIX_MS):
        factor = 1000.0 if form.name == UNIX else 1.0
        return lambda text, _: _number(text, factor)
    pattern, local = re.compile(shape(form), re.DOTALL), ZoneInfo(zone)
    if form.has_year and not form.name and Field("z") not in form.elements and Field("s") not in form.elements:
        return remembering(_plain(pattern, local))

    def read(text: bytes, append_ms: int) -> Moment:
        match = pattern.fullmatch(text)
        return None if match is None else moment(match, local, append_ms)

    return remembering(read) if form.has_year else read


def _plain(pattern: re.Pattern[bytes], zone: tzinfo) -> Reading:
    """Return the reading of local times with a year: most lines have these, and the general way takes twice as long."""
    names = [next((name for name in either if name in pattern.groupindex), "") for either in ("Yy", "mb", "de", "H", "M", "S", "f")]
    wanted = [name for name in names if name]
    month, century = names[1] == "b", names[0] == "y"

    def read(text: bytes, _: int) -> Moment:
        match = pattern.fullmatch(text)
        if match is None:
            return None
        year, named, day, hour, minute, second, *fraction = match.group(*wanted)
        try:
            local = datetime(
                _century(int(year)) if century else int(year), MONTHS[named] if month else int(named), int(day), int(hour), int(minute),
                int(second), tzinfo=zone,
            )  # fmt: skip
            return (local - EPOCH) // MS + (int(fraction[0][:3].ljust(3, b"0")) if fraction else 0)
        except (ValueError, OverflowError):
            return None

    return read


def moment(match: re.Match[bytes], zone: tzinfo, append_ms: int) -> Moment:
    """Return the time (ms) of a match of `shape`; None if the calendar has no such time."""
    part = {name: value for name, value in match.groupdict().items() if value is not None}
    if "s" in part:
        return 1000 * int(part["s"]) + _fraction_ms(part)
    try:
        where = _offset(part, zone)
        if where is None:
            return None
        if "Y" in part or "y" in part:
            return _at(int(part["Y"]) if "Y" in part else _century(int(part["y"])), part, where)
    except (ValueError, OverflowError):
        return None
    return _latest(part, where, append_ms)


def _latest(part: dict[str, bytes], zone: tzinfo, append_ms: int) -> Moment:
    """Return the time in the latest of three years in which it is not after the line's arrival by more than LATER."""
    year = datetime.fromtimestamp(append_ms / 1000, UTC).year
    found = []
    for one in (year - 1, year, year + 1):
        try:
            found.append(_at(one, part, zone))
        except (ValueError, OverflowError):
            continue
    return max((at for at in found if at <= append_ms + LATER), default=None)


def _at(year: int, part: dict[str, bytes], zone: tzinfo) -> int:
    month = MONTHS[part["b"]] if "b" in part else int(part["m"])
    day = int(part["d"] if "d" in part else part["e"])
    local = datetime(year, month, day, int(part["H"]), int(part["M"]), int(part["S"]), tzinfo=zone)
    return (local - EPOCH) // MS + _fraction_ms(part)


def _fraction_ms(part: dict[str, bytes]) -> int:
    return int(part.get("f", b"0")[:3].ljust(3, b"0"))


def _century(two: int) -> int:
    return two + (1900 if two >= PIVOT else 2000)


def _offset(part: dict[str, bytes], zone: tzinfo) -> tzinfo | None:
    """Return the zone of a time: its own offset, else the zone of the spec; None for an offset that no place has."""
    text = b"Z" if "utc" in part else part.get("z")
    if text is None:
        return zone
    if text == b"Z":
        return UTC
    digits = text[1:].replace(b":", b"")
    hours, minutes = int(digits[:2]), int(digits[2:] or b"0")
    if hours > LONGEST_OFFSET[0] or minutes > LONGEST_OFFSET[1]:
        return None
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if text[:1] == b"-" else ahead)


def _number(text: bytes, factor: float) -> Moment:
    if not NUMBER.fullmatch(text):
        return None
    x = float(text)
    ms = factor * x + 0.5
    if not math.isfinite(ms):
        return None
    at = math.floor(ms)
    return at if FIRST <= at <= LAST else None


def remembering(read: Callable[[bytes, int], T]) -> Callable[[bytes, int], T]:
    """Return the same for texts that say all, whenever their line arrived: many lines have the same one."""
    known: dict[bytes, T] = {}

    def remembered(text: bytes, append_ms: int) -> T:
        if text not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            known[text] = read(text, append_ms)
        return known[text]

    return remembered
