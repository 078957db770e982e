"""How far folding is behind: what waits to be folded, since when, and what waits to be deleted. Counts are right however long it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.counts.cells import HOUR_MS
from weir.counts.folding import GRACE_MS, unfolded
from weir.ports.counts import CountStore, FoldNote, HourShard, Touched
from weir.times import iso

BEHIND_MS = 1_800_000  # six runs of the fold DAG have come and gone


@dataclass(frozen=True)
class Backlog:
    """Closed hours and shards that are `waiting` to be folded, the first `since` (ms, 0 if none); `unswept`: folded, and not deleted."""

    waiting: int
    since: int
    unswept: int

    def behind(self, job: str, now: int) -> str:
        """A sentence, if folding is behind; else nothing."""
        if not self.waiting or now - self.since <= BEHIND_MS:
            return ""
        return f"folding is behind: {self.waiting} hours and shards wait, the first since {iso(self.since)}; see the DAG {job}_fold"


def backlog(store: CountStore, job: str, closed_until: int, now: int) -> Backlog:
    """Two queries of one partition each."""
    return measured(store.hours(job), store.folds(job), closed_until, now)


def measured(touched: Iterable[Touched], notes: Mapping[HourShard, FoldNote], closed_until: int, now: int) -> Backlog:
    """An hour waits since it was over, or since a batch wrote to it after that: a late line does not make it old."""
    waiting = unfolded(touched, notes, closed_until)
    unswept = sum(note.at <= now - 2 * GRACE_MS and note.swept != note.run for note in notes.values())
    return Backlog(len(waiting), min((max(t.hour + HOUR_MS, t.at) for t in waiting), default=0), unswept)
