"""Parse and format times and durations, in ms. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from weir.errors import BadInput

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = r"([0-9]{1,9})(ms|s|m|h|d)"
DAY_MS = UNITS["d"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(text: str, name: str = "duration") -> int:
    """Parse a duration such as `10s`, `1m`, `2h` or `1d` to ms. Raises BadInput."""
    match = re.fullmatch(DURATION, text.strip())
    if not match:
        raise BadInput(f"{name}: {text!r} is not a duration.", "Write a whole number and a unit: 10s, 5m, 1h or 1d.")
    return int(match[1]) * UNITS[match[2]]


def parse_time(text: str, name: str = "time") -> int:
    """Parse an ISO 8601 time to ms; without a zone it is UTC. Raises BadInput."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"{name}: {text!r} is not a time.", "Write it in ISO 8601, such as 2026-01-31T12:00:00Z.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def ago(text: str, now: int, name: str = "time") -> int:
    """Parse an ISO 8601 time, or a duration before `now` such as `2h`, to ms. Raises BadInput."""
    return now - parse_duration(text, name) if re.fullmatch(DURATION, text.strip()) else parse_time(text, name)


def iso(moment: int) -> str:
    """Format a time (ms) as `2026-01-31T12:00:00Z`; milliseconds only if there are some."""
    try:
        text = (EPOCH + timedelta(seconds=moment // 1000)).replace(tzinfo=None).isoformat()
    except OverflowError:
        return f"{moment} ms"  # outside the years 1 to 9999
    return text + (f".{moment % 1000:03}Z" if moment % 1000 else "Z")


def duration(ms: int) -> str:
    """Format a duration (ms) in the shortest way: `10s`, `90s`, `1h`."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % UNITS[unit] == 0:
            return f"{ms // UNITS[unit]}{unit}"
    return f"{ms}ms" if ms else "0s"
