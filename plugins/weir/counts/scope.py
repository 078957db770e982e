"""The scope of a recount: a part of the counts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spark_jobs.counts.cells import HOUR_MS, hour_of
from spark_jobs.protocol.head import Head, Position
from weir.ports.counts import HourStore, Touched

NOTHING: Position = (-1, -1)  # before every batch


@dataclass(frozen=True)
class Scope:
    """Panes that begin in [since, until), of the given hours (ms); None for no bound. `barren`: the batches that counted no line instead,
    whose lines were all rejected, so that no hour leads to them.

    What a recount says of batches in (after, upto] goes into how far the counts are proven.
    """

    since: int | None = None
    until: int | None = None
    hours: frozenset[int] | None = None
    after: Position = NOTHING
    upto: Position = NOTHING
    barren: bool = False

    @property
    def everything(self) -> bool:
        return self.since is None and self.until is None and self.hours is None and not self.barren

    def holds(self, pane: int) -> bool:
        return (
            not self.barren
            and (self.since is None or pane >= self.since)
            and (self.until is None or pane < self.until)
            and (self.hours is None or hour_of(pane) in self.hours)
        )

    def places(self, store: HourStore, job: str) -> Sequence[Touched]:
        """Return the hours and shards in the scope."""
        if self.barren:
            return []
        found = store.hours(job, None if self.since is None else hour_of(self.since), self.until)
        return [t for t in found if self.hours is None or t.hour in self.hours]

    def is_new(self, position: Position) -> bool:
        return self.after < position <= self.upto

    def wants_barren(self, head: Head) -> bool:
        """Return whether a batch belongs to `barren`."""
        return self.barren and self.is_new((head.by, head.batch_id)) and not any(head.totals.levels.values())


EVERYTHING = Scope()


def sampled(hours: Iterable[int], n: int, seed: int) -> frozenset[int]:
    """Choose `n` of the hours, or all if there are fewer; the same ones for the same seed."""
    chosen = sorted(set(hours))
    return frozenset(random.Random(seed).sample(chosen, min(n, len(chosen))))  # noqa: S311 - to be repeated, not to be secret


def closed_hours(touched: Iterable[Touched], closed_until: int) -> list[int]:
    """Return the hours in which every pane is closed."""
    return sorted({t.hour for t in touched if t.hour + HOUR_MS <= closed_until})
