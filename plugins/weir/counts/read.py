"""Reading exact counts while the stream, folds and deletions go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_jobs.protocol import Head, Landed, landed
from weir.cluster.base import CountStore
from weir.cluster.records import Cell, HourShard
from weir.counts.fold import sums
from weir.errors import Conflict, UnknownJob

TRIES = 50  # each is lost only to a fold that publishes in between; folds of one partition are minutes apart


@dataclass(frozen=True)
class Snapshot:
    """The counts of some hours and shards as of one head: exactly the landed batches up to it, for all of them alike."""

    head: Head
    cells: Mapping[HourShard, Mapping[Cell, int]]


def snapshot(store: CountStore, job: str, places: Iterable[HourShard]) -> Snapshot:
    """Read hours and shards at one moment. Raises UnknownJob, or Conflict if folds kept publishing in between."""
    places = list(places)
    for _ in range(TRIES):
        published = {at: store.published(job, at) for at in places}
        head = store.head(job)
        if head is None:
            raise UnknownJob(f"{job} was never deployed.", f"Run: weir deploy {job}")
        seen = landed(head, store.firsts(job))
        cells = {at: sums(store, job, at, published[at], seen) for at in places}
        # a fold that has published since may have deleted deltas before they were read
        if all(store.published(job, at) == published[at] for at in places):
            return Snapshot(head, cells)
    raise Conflict(f"The counts of {job} kept being folded while they were read.", "Try again, or ask for fewer hours.")


def as_of(store: CountStore, job: str, at: HourShard, seen: Landed) -> Mapping[Cell, int] | None:
    """The counts of one hour and shard as of the head that `seen` was made of, for those who cannot hold all hours at once. None if a fold
    has published beyond that head. Raises Conflict if folds kept publishing in between."""
    for _ in range(TRIES):
        published = store.published(job, at)
        if published is not None and (seen.newest is None or published.position > seen.newest):
            return None
        cells = sums(store, job, at, published, seen)
        if store.published(job, at) == published:
            return cells
    raise Conflict(f"The counts of {job} kept being folded while they were read.", "Try again.")


def read(store: CountStore, job: str, at: HourShard) -> Mapping[Cell, int]:
    """The exact counts of one hour and shard."""
    return snapshot(store, job, [at]).cells[at]
