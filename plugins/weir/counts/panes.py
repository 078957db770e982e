"""Panes and windows as arithmetic: no I/O, no clock. All times are whole milliseconds since the Unix epoch (UTC), intervals half open."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from weir.errors import BadInput

K = TypeVar("K")
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_WINDOWS = 1_000_000  # what --fill may make of an answer


@dataclass(frozen=True)
class Windows:
    """Windows of `width` that begin at every multiple of `slide`. Both are multiples of the pane, so a window is a sum of panes."""

    width: int
    slide: int

    def starts(self, pane_start: int) -> range:
        """The starts of all windows that a pane belongs to, in order."""
        first = (pane_start - self.width) // self.slide * self.slide + self.slide
        return range(first, pane_start + 1, self.slide)

    def between(self, since: int, until: int) -> range:
        """The starts of all windows that begin in [since, until)."""
        return range(-(-since // self.slide) * self.slide, until, self.slide)


def windows(width: int, slide: int, pane: int) -> Windows:
    """Raises BadInput with the rule that is broken."""
    for name, value in (("window", width), ("slide", slide)):
        if value <= 0 or value % pane:
            raise BadInput(f"{name}: {duration(value)} does not fit.", f"It must be a multiple of the pane, {duration(pane)}.")
    if slide > width:
        raise BadInput(f"slide: {duration(slide)} is longer than the window, {duration(width)}.", "Lines in between would be left out.")
    return Windows(width, slide)


def compose(panes: Mapping[tuple[int, K], int], shape: Windows, since: int | None, until: int | None) -> dict[tuple[int, K], int]:
    """Sums of panes by (window start, key), for the windows that begin in [since, until). `panes` holds counts by (pane start, key)."""
    sums: Counter[tuple[int, K]] = Counter()
    for (pane_start, key), n in panes.items():
        for start in shape.starts(pane_start):
            if (since is None or start >= since) and (until is None or start < until):
                sums[start, key] += n
    return dict(sums)


def filled(sums: Mapping[tuple[int, K], int], keys: Iterable[K], starts: range) -> dict[tuple[int, K], int]:
    """The sums, with 0 for each window and key that has none. Raises BadInput where that would be more than anyone can read."""
    keys = list(keys)
    if len(starts) * len(keys) > MOST_WINDOWS:
        raise BadInput(
            f"fill: {len(starts)} windows times {len(keys)} rows are more than {MOST_WINDOWS}.", "Ask for less time or wider windows."
        )
    return {**{(start, key): 0 for start in starts for key in keys}, **sums}


def parse_duration(text: str, name: str = "duration") -> int:
    """`10s`, `30s`, `1m`, `2h` or `1d` in ms. Raises BadInput."""
    match = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h|d)", text.strip())
    if not match:
        raise BadInput(f"{name}: {text!r} is not a duration.", "Write a whole number and a unit: 10s, 5m, 1h or 1d.")
    return int(match[1]) * UNITS[match[2]]


def parse_time(text: str, name: str = "time") -> int:
    """An ISO 8601 time in ms; without a zone it is UTC. Raises BadInput."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"{name}: {text!r} is not a time.", "Write it in ISO 8601, such as 2026-01-31T12:00:00Z.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso(moment: int) -> str:
    """`2026-01-31T12:00:00Z`; milliseconds only where there are some."""
    try:
        text = (EPOCH + timedelta(seconds=moment // 1000)).replace(tzinfo=None).isoformat()
    except OverflowError:
        return f"{moment} ms"  # outside of the years 1 to 9999
    return text + (f".{moment % 1000:03}Z" if moment % 1000 else "Z")


def duration(ms: int) -> str:
    """The shortest way to write a duration: `10s`, `90s`, `1h`."""
    for unit in ("d", "h", "m", "s"):
        if ms and ms % UNITS[unit] == 0:
            return f"{ms // UNITS[unit]}{unit}"
    return f"{ms}ms" if ms else "0s"
