"""What the job must make of a line, said once more in plain Python. It shares no code with the job."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: n for n, name in enumerate(NAMES, 1)}
ERRORS = {"emerg", "alert", "crit", "error"}
LEVELS = ERRORS | {"warn", "notice", "info", "debug"} | {f"trace{n}" for n in range(1, 9)}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACCEPTED = re.compile(
    rf"\[.{{3}} ({'|'.join(NAMES)}) ([ 0-9][0-9]) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}})(?:\.([0-9]{{1,9}}))? ([0-9]{{4}})\]"
    r" \[([^\]]{0,64})\](.*)".encode(),
    re.DOTALL,
)


class Verdict(NamedTuple):
    reason: str | None
    event_ms: int | None = None
    level: str | None = None
    message: str | None = None


def judge(line: bytes | None, append_ms: int = 10**15, time_zone: str = "UTC", future_skew_s: int = 3600) -> Verdict:
    """A line as it was appended at `append_ms` (by default far ahead, so that nothing is of the future)."""
    if not line:
        return Verdict("empty")
    if len(line) > 65_536:
        return Verdict("too_long")
    try:
        line.decode()
    except UnicodeDecodeError:
        return Verdict("not_utf8")
    if (level := _level(line)) is None:
        return Verdict("not_a_log_line")
    if (event_ms := _event_ms(line, time_zone)) is None:
        return Verdict("bad_time")
    if event_ms > append_ms + future_skew_s * 1000:
        return Verdict("future")
    return Verdict(None, event_ms, level, _message(line) if level in ERRORS else None)


def _level(line: bytes) -> str | None:
    """None if the brackets, blanks and colons of the head are not in place, or the level is not one."""
    end = _end(line)
    blanks = {5, 9, 12, end - 5}
    fixed = {1: "[", 15: ":", 18: ":", **dict.fromkeys(blanks, " ")} | ({21: "."} if end > 26 else {})
    if end == 0 or end == 27 or any(line[p - 1 : p] != c.encode() for p, c in fixed.items()):
        return None
    name, bracket, _ = line[end + 2 : end + 67].partition(b"]")
    level = name.rpartition(b":")[2].decode(errors="replace").lower()
    return level if bracket and level in LEVELS else None


def _end(line: bytes) -> int:
    for place in (26, 33, *range(21, 37)):
        if line[place - 1 : place + 2] == b"] [":
            return place
    return 0


def _event_ms(line: bytes, time_zone: str) -> int | None:
    found = ACCEPTED.fullmatch(line)
    if found is None:
        return None
    month, day, hour, minute, second, fraction, year = (part or b"0" for part in found.groups()[:7])
    ms = int(fraction.ljust(9, b"0")) // 1_000_000
    try:
        time = datetime(int(year), MONTHS[month.decode()], int(day), int(hour), int(minute), int(second), tzinfo=ZoneInfo(time_zone))
    except ValueError:
        return None
    return (time - EPOCH) // timedelta(milliseconds=1) + ms


def _message(line: bytes) -> str:
    found = ACCEPTED.fullmatch(line)
    assert found
    text = found[9].decode()
    for tag in (" [pid ", " [client "):
        if text.startswith(tag):
            text = text.partition("]")[2]
    return text.strip(" ")
