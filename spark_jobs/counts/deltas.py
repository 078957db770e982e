"""The result of a counting job's batch, and how it is written: deltas, totals of hours, samples of rejected lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from spark_jobs import failpoint
from spark_jobs.counts.cells import Delta, RejectedLine, hour_of, shard_of
from spark_jobs.protocol.head import Digest, Head, Progress, Totals
from spark_jobs.protocol.writer import Store, Writer

HourTotals = Mapping[tuple[int, int], Mapping[str, int]]  # (hour, shard) -> level -> lines


@dataclass(frozen=True)
class Counted:
    """The result of a micro-batch: deltas, totals, progress, and samples of rejected lines."""

    deltas: Sequence[Delta]
    totals: Totals
    progress: Progress
    rejected: Sequence[RejectedLine] = ()
    digest: Digest | None = None  # rows that never landed count for nothing: a batch may be done again with another end
    stateful: bool = False


class DeltaStore(Protocol):
    """The store, as counting uses it. All are blind, idempotent writes with the claim's timestamp."""

    def put_deltas(self, head: Head, shards: int, deltas: Sequence[Delta]) -> None:
        """Write the deltas of the batch that this head claims."""

    def put_hours(self, head: Head, hours: HourTotals) -> None:
        """Write the batch's totals by hour, shard and level, and note that those hours were touched."""

    def put_rejected(self, head: Head, lines: Sequence[RejectedLine]) -> None:
        """Write the batch's samples of rejected lines."""

    def touch(self, job: str) -> None:
        """Delete from each of these tables a row that no batch writes."""


class CountingStore(Store, DeltaStore, Protocol):
    """The store, as the driver of a counting job uses it."""


class Deltas:
    """The sink of counting. Hours are noted before their deltas are written: a fold that finds a delta knows its hour."""

    publishes, hides_claims = False, True

    def __init__(self, store: DeltaStore, shards: int) -> None:
        self._store, self._shards = store, shards

    def fence(self, head: Head) -> None:
        """Do nothing: rows of earlier attempts have keys of their own."""

    def landed(self, head: Head) -> None:
        """Do nothing: readers ask the head."""

    def write(self, claimed: Head, counted: Counted) -> None:
        self._store.put_hours(claimed, hour_totals(counted.deltas, self._shards))
        failpoint.reach("hours")
        self._store.put_deltas(claimed, self._shards, counted.deltas)
        self._store.put_rejected(claimed, counted.rejected)
        failpoint.reach("deltas")

    def rehearse(self, job: str) -> None:
        self._store.touch(job)

    def keep(self) -> None:
        """Do nothing: deltas are keyed by attempt."""


def counting_writer(
    store: CountingStore, job: str, attempt: int, incarnation: str, version: str, shards: int, now_us: Callable[[], int]
) -> Writer[Counted]:
    """Return the writer of a counting job, with everything in one store."""
    return Writer(store, Deltas(store, shards), job, attempt, incarnation, version, now_us)


def hour_totals(deltas: Sequence[Delta], shards: int) -> HourTotals:
    """Return lines by hour and shard, and within them by level."""
    totals: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for delta in deltas:
        totals[hour_of(delta.pane_start), shard_of(delta.service, shards)][delta.level] += delta.n
    return totals
