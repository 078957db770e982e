"""The fold backlog: what waits to be folded, since when, and what waits to be deleted. Counts are right in the meantime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.counts.cells import HOUR_MS
from weir.counts.folding import GRACE_MS, unfolded
from weir.ports.counts import CountStore, FoldNote, HourShard, Touched
from weir.times import iso

BEHIND_MS = 1_800_000  # six runs of the fold DAG


@dataclass(frozen=True)
class Backlog:
    """Closed hours and shards that wait to be folded, the oldest `since` (ms, 0 if none); `unswept`: folded, but not deleted yet."""

    waiting: int
    since: int
    unswept: int

    def behind(self, job: str, now: int) -> str:
        """Return a sentence if folding is behind; else an empty string."""
        if not self.waiting or now - self.since <= BEHIND_MS:
            return ""
        return f"folding is behind: {self.waiting} hours and shards wait, the first since {iso(self.since)}; see the DAG {job}_fold"


def backlog(store: CountStore, job: str, closed_until: int, now: int) -> Backlog:
    """Read the backlog, with two queries of one partition each."""
    return measured(store.hours(job), store.folds(job), closed_until, now)


def measured(touched: Iterable[Touched], notes: Mapping[HourShard, FoldNote], closed_until: int, now: int) -> Backlog:
    """Return since when (ms) an hour waits: since its end, or since a batch wrote to it after that."""
    waiting = unfolded(touched, notes, closed_until)
    unswept = sum(note.at <= now - 2 * GRACE_MS and note.swept != note.run for note in notes.values())
    return Backlog(len(waiting), min((max(t.hour + HOUR_MS, t.at) for t in waiting), default=0), unswept)
