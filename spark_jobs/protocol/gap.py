"""What a job passes over, uncounted: a new epoch may begin elsewhere than the last one ended only if a gap says why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class GapKind(StrEnum):
    LOSS = "loss"  # the broker no longer has the lines
    QUARANTINE = "quarantine"  # the broker has them, and they are left out on purpose


@dataclass(frozen=True, order=True)
class Hole:
    """Offsets [start, end) of one partition that no batch holds. `end` before `start`: the log was cut, and is read again from `end`."""

    topic_id: str
    partition: int
    start: int
    end: int

    @property
    def offsets(self) -> int:
        return max(0, self.end - self.start)


@dataclass(frozen=True)
class Gap:
    """What an epoch leaves out before its first batch, by whose word and why. `at` is in ms.

    `exact` is False where more may be lost than anybody knows: what came into a topic unseen before it was deleted.
    """

    kind: GapKind
    holes: tuple[Hole, ...]
    who: str
    reason: str
    at: int = 0
    exact: bool = True

    @property
    def lines(self) -> int:
        return sum(hole.offsets for hole in self.holes)


def holes_between(topic_id: str, ended: Mapping[int, int], begins: Mapping[int, int]) -> tuple[Hole, ...]:
    """Where a stream that ended there leaves something out if it goes on here, in the same topic. Unknown partitions are at 0."""
    places = ((p, ended.get(p, 0), begins.get(p, 0)) for p in sorted(ended.keys() | begins.keys()))
    return tuple(Hole(topic_id, p, end, begin) for p, end, begin in places if end != begin)


def accounts_for(gap: Gap | None, topics: tuple[str, str], ended: Mapping[int, int], begins: Mapping[int, int]) -> bool:
    """Is a gap exactly what lies between an end in the one topic and a beginning in the other? No gap stands for nothing.

    Of a topic that is gone, the end is not known: there, a hole only has to begin where the stream ended.
    """
    old, new = topics
    if old == new or not old or not new:
        return set(gap.holes if gap else ()) == set(holes_between(new or old, ended, begins))
    if gap is None:
        return False
    rest = [hole for hole in gap.holes if hole.topic_id != old]
    return _leads_on((h for h in gap.holes if h.topic_id == old), ended) and set(rest) == set(holes_between(new, {}, begins))


def _leads_on(holes: Iterable[Hole], ended: Mapping[int, int]) -> bool:
    seen: set[int] = set()
    for hole in holes:
        if hole.partition in seen or hole.start != ended.get(hole.partition, 0) or hole.end < hole.start:
            return False
        seen.add(hole.partition)
    return True
