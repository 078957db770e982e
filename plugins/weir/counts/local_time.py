"""Tell lines of another time zone by how far their times are from their arrival. Pure.

A line that arrives live is seconds old. If most lines of a service are all but exactly some quarters of an hour away from their arrival,
they are local time of another zone. Lines of an archive are not: their distances from now differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

QUARTER_MS = 900_000
HOUR_MS = 4 * QUARTER_MS
LEAST, MOST = -48, 56  # quarters: UTC-12 to UTC+14
AHEAD_MS = 30_000  # clocks differ
# A live line is at most so old. Nearly all zones differ by whole hours: an old line is within the longer time of one by chance once in 17.
LATE_MS, LATE_OF_HOURS_MS = 60_000, 180_000
FEW = 5  # lines; fewer say nothing
MOST_LINES = 0.8


class Arrival(NamedTuple):
    """`n` lines with about this time, as the job reads it, and when they arrived (ms)."""

    moment: int
    arrived: int
    n: int = 1


@dataclass(frozen=True)
class Shift:
    """How far the lines of a service are from their arrival."""

    quarters: int  # of an hour; more than 0: east of the zone that the job reads them in
    lines: int

    @property
    def text(self) -> str:
        """`9 h ahead of`, `7:30 h behind`."""
        hours, quarters = divmod(abs(self.quarters), 4)
        return f"{hours}{f':{quarters * 15:02}' if quarters else ''} h {'ahead of' if self.quarters > 0 else 'behind'}"


def shift(lines: Iterable[Arrival], offset: int = 0) -> Shift | None:
    """Return how far the lines are shifted; None if they are not, or if that cannot be said.

    `offset` is that of the zone in which the job reads them, in quarters of an hour.
    """
    found: Counter[int | None] = Counter()
    for line in lines:
        found[_quarters(line.moment - line.arrived)] += line.n
    quarters, n = found.most_common(1)[0] if found else (None, 0)
    if not quarters or n < FEW or n < MOST_LINES * found.total() or not LEAST <= offset + quarters <= MOST:
        return None
    return Shift(quarters, n)


def _quarters(distance_ms: int) -> int | None:
    """Return the quarters of an hour of which a live line may be this far from its arrival; None: it is no live line of any zone."""
    for width, late in ((HOUR_MS, LATE_OF_HOURS_MS), (QUARTER_MS, LATE_MS)):
        whole, rest = divmod(distance_ms + late, width)
        if rest <= late + AHEAD_MS:
            return whole * width // QUARTER_MS
    return None


def in_words(service: str, found: Shift, offset_quarters: int) -> str:
    """Say what a service's lines look like. `offset_quarters` is the offset from UTC of the zone in which the job reads them."""
    local = offset_quarters + found.quarters
    return f"lines of {service} are {found.text} their arrival: they look like local time of {utc(local)}"


def cure(service: str) -> str:
    """Return what to set in the spec."""
    return f"set options.time_zone in job.yaml, or options.services.{service}.time_zone, to the zone of its servers"


def utc(quarters: int) -> str:
    """Return an offset from UTC as `UTC+9` or `UTC-3:30`."""
    hours, rest = divmod(abs(quarters), 4)
    return f"UTC{'-' if quarters < 0 else '+'}{hours}{f':{rest * 15:02}' if rest else ''}"


def by_service(lines: Iterable[tuple[str, Arrival]], offset_of: Callable[[str], int] = lambda _: 0) -> Mapping[str, Shift]:
    """Return the services whose lines are shifted; `offset_of` a service is that of the zone in which the job reads it."""
    each: dict[str, list[Arrival]] = {}
    for service, line in lines:
        each.setdefault(service, []).append(line)
    return {service: found for service, those in sorted(each.items()) if (found := shift(those, offset_of(service))) is not None}
