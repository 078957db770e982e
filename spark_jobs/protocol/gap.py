"""Gaps: what a job leaves out uncounted. A new epoch may begin elsewhere than the last one ended only with a gap. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from spark_jobs.protocol.partition import Offsets, Partition, identified, sources_of


class GapKind(StrEnum):
    LOSS = "loss"  # the broker no longer has the lines
    QUARANTINE = "quarantine"  # the broker has them, and they are left out on purpose
    STATE = "state"  # no lines are left out, but the state of all earlier lines is given up


@dataclass(frozen=True, order=True)
class Hole:
    """Offsets [start, end) of one partition that no batch holds. `end` < `start`: the log was truncated, and is read again from `end`."""

    partition: Partition
    start: int
    end: int

    @property
    def offsets(self) -> int:
        return max(0, self.end - self.start)


@dataclass(frozen=True)
class Gap:
    """What an epoch leaves out before its first batch."""

    kind: GapKind
    holes: tuple[Hole, ...]
    who: str  # who decided it
    reason: str
    at: int = 0  # ms
    exact: bool = True  # False: more lines may be lost, which came into a topic unseen before it was deleted
    gives_up_state: bool = False  # True: the state of all earlier lines is given up, too

    @property
    def lines(self) -> int:
        return sum(hole.offsets for hole in self.holes)


def holes_between(ended: Offsets, begins: Offsets) -> tuple[Hole, ...]:
    """Return the holes between where a stream ended and where it begins again. Missing partitions are at 0."""
    places = ((p, ended.get(p, 0), begins.get(p, 0)) for p in sorted(ended.keys() | begins.keys()))
    return tuple(Hole(p, end, begin) for p, end, begin in places if end != begin)


def accounts_for(gap: Gap | None, ended: Offsets, begins: Offsets) -> bool:
    """Return whether a gap is exactly what lies between an end and a beginning; None: nothing lies between them.

    The end of a source that is no longer read, such as a deleted topic, is unknown: there, a hole only has to begin where the stream ended.
    """
    ended = identified(ended, sources_of(begins))
    gone = sources_of(ended) - sources_of(begins)
    if gone and gap is None:
        return False
    holes = gap.holes if gap else ()
    stays = {p: offset for p, offset in ended.items() if p.source not in gone}
    rest = {hole for hole in holes if hole.partition.source not in gone}
    return _leads_on((hole for hole in holes if hole.partition.source in gone), ended) and rest == set(holes_between(stays, begins))


def _leads_on(holes: Iterable[Hole], ended: Offsets) -> bool:
    seen: set[Partition] = set()
    for hole in holes:
        if hole.partition in seen or hole.start != ended.get(hole.partition, 0) or hole.end < hole.start:
            return False
        seen.add(hole.partition)
    return True
