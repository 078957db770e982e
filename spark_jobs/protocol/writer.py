"""The driver's side of the protocol: claim, write, land. Every step goes through a `Store`, so the same code runs on the fake."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from spark_jobs import failpoint
from spark_jobs.counts.cells import Delta, RejectedLine, hour_of, shard_of
from spark_jobs.protocol.head import Batch, Head, Progress, Ruling, Totals, base_progress, claim, judge, land, started
from spark_jobs.protocol.partition import labels

HourTotals = Mapping[tuple[int, int], Mapping[str, int]]  # (hour, shard) -> level -> lines


class Superseded(Exception):
    """A later attempt, or another process of this one, owns the job. This process must write nothing more."""


class Diverged(Exception):
    """Checkpoint and head disagree. Going on would lose or double lines; the supervisor must rebuild."""


class Broken(Exception):
    """A batch does not add up: lines are neither counted nor rejected, or more than its offsets. Nothing of it was written."""


@dataclass(frozen=True)
class Counted:
    """What Spark made of a micro-batch: deltas, totals, how far event time came, and samples of rejected lines."""

    deltas: Sequence[Delta]
    totals: Totals
    progress: Progress
    rejected: Sequence[RejectedLine] = ()


class Store(Protocol):
    """What a driver needs of the store. Every method may be repeated; all but `swap` are blind, idempotent writes."""

    def head(self, job: str) -> Head | None:
        """The head as the last completed swap left it (serial consistency)."""

    def swap(self, expected: Head, new: Head) -> bool:
        """Set the head to `new` if it still is `expected`. An unknown outcome is read back before this answers."""

    def put_ledger(self, head: Head) -> None:
        """Keep the landed batch of this head, or its gap, in the ledger."""

    def ledger_batch(self, job: str, epoch: int, batch_id: int) -> Batch | None:
        """The ranges of a landed batch."""

    def put_first(self, job: str, attempt: int, epoch: int, batch_id: int) -> None:
        """Note the first batch that an attempt sets out to claim."""

    def put_deltas(self, head: Head, shards: int, deltas: Sequence[Delta]) -> None:
        """Write the deltas of the batch that this head claims, with the claim's timestamp."""

    def put_hours(self, head: Head, hours: HourTotals) -> None:
        """Write the batch's totals by hour, shard and level, and note that those hours were touched."""

    def put_rejected(self, head: Head, lines: Sequence[RejectedLine]) -> None:
        """Write the batch's samples of rejected lines."""


class Writer:
    """One process of one attempt. `now_us` is only used to make write timestamps look like time."""

    def __init__(
        self, store: Store, job: str, attempt: int, incarnation: str, version: str, shards: int, now_us: Callable[[], int]
    ) -> None:
        self._store, self._job, self._attempt, self._incarnation = store, job, attempt, incarnation
        self._version, self._shards, self._now_us = version, shards, now_us
        self._first_noted = False

    def start(self) -> Head:
        """Rule 2: make this process the one of its attempt. Raises Superseded if another one is."""
        while True:
            head = self._store.head(self._job)
            if head is None or head.attempt != self._attempt or head.incarnation not in ("", self._incarnation):
                raise Superseded(f"attempt {self._attempt} of {self._job} is not this process's: {describe(head)}")
            if head.incarnation == self._incarnation:
                return head
            if self._store.swap(head, started(head, self._incarnation)):
                failpoint.reach("start")

    def write(self, batch: Batch, count: Callable[[Progress], Counted]) -> bool:
        """Count and land a micro-batch; False if it had landed before. Raises Superseded, Diverged or Broken."""
        while True:
            head = self._own_head()
            in_ledger = partial(self._store.ledger_batch, self._job, head.epoch)
            match judge(head, self._attempt, self._incarnation, batch, in_ledger):
                case Ruling.SKIP:
                    return False
                case Ruling.SUPERSEDED:
                    raise Superseded(f"attempt {self._attempt} of {self._job} was superseded: {describe(head)}")
                case Ruling.DIVERGED:
                    raise Diverged(f"batch {batch.batch_id} {ranges(batch)} does not follow: {describe(head)}")
            failpoint.reach("batch")
            began_at = self._now_us() // 1000
            counted = count(base_progress(head))
            failpoint.reach("count")
            if not counted.totals.conserved or counted.totals.lines > batch.offsets:
                raise Broken(f"batch {batch.batch_id} {ranges(batch)} does not add up: {counted.totals}")
            claimed = self._claim(head, batch, counted, began_at)
            if claimed is not None:
                break
        self._write(claimed, counted)
        if not self._store.swap(claimed, land(claimed, self._now_us() // 1000)):
            raise Superseded(f"attempt {self._attempt} of {self._job} was superseded before batch {batch.batch_id} landed")
        failpoint.reach("land")
        return True

    def _own_head(self) -> Head:
        head = self._store.head(self._job)
        if head is None:
            raise Superseded(f"{self._job} has no head: it was removed")
        return head

    def _claim(self, head: Head, batch: Batch, counted: Counted, began_at: int) -> Head | None:
        if head.for_ledger:
            self._store.put_ledger(head)
        if not self._first_noted:
            self._store.put_first(self._job, self._attempt, head.epoch, batch.batch_id)
        failpoint.reach("ledger")
        claimed = claim(head, batch, counted.totals, counted.progress, self._version, self._now_us(), began_at)
        if not self._store.swap(head, claimed):
            return None
        self._first_noted = True
        failpoint.reach("claim")
        return claimed

    def _write(self, claimed: Head, counted: Counted) -> None:
        self._store.put_hours(claimed, hour_totals(counted.deltas, self._shards))
        failpoint.reach("hours")
        self._store.put_deltas(claimed, self._shards, counted.deltas)
        self._store.put_rejected(claimed, counted.rejected)
        failpoint.reach("deltas")


def hour_totals(deltas: Sequence[Delta], shards: int) -> HourTotals:
    """Lines by hour and shard, and within them by level."""
    totals: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for delta in deltas:
        totals[hour_of(delta.pane_start), shard_of(delta.service, shards)][delta.level] += delta.n
    return totals


def describe(head: Head | None) -> str:
    """The head in words, for messages."""
    if head is None:
        return "there is no head"
    return (
        f"the head is at epoch {head.epoch}, attempt {head.attempt}, batch {head.batch_id} {head.state} by {head.by} {ranges(head.batch)}"
    )


def ranges(batch: Batch) -> str:
    """`[0: 10-20, 1: 5-9]`: offsets by partition, the end exclusive."""
    return "[" + ", ".join(f"{label}: {batch.start.get(p, 0)}-{batch.end[p]}" for p, label in labels(batch.end).items()) + "]"
