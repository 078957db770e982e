"""The counters since the start of the exporter: landed batches, from the ledger, and starts of drivers, from the attempts.

They begin at 0 and not at the ledger's totals, which would need the whole ledger. Prometheus only uses increases, and takes a smaller value
for a reset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from spark_jobs.protocol.head import Head, Position, State
from weir.ports.attempts import AttemptRow
from weir.ports.ledger import LedgerStore
from weir.ports.reports import JobSnapshot
from weir.supervise.time_budget import TimeBudget

MOST = 2000  # batches of a job in one check: after a long pause the counters catch up over several
NOWHERE: Position = (0, -1)  # before the first batch of the first epoch
KILLED, FIRST = "killed", "none"  # how the previous driver ended: without a reason, or there was none


@dataclass
class JobCounters:
    """The counters of one job."""

    position: Position  # batches up to here are counted
    attempt: int = 0  # starts up to this one are counted
    landed_at: int = 0  # ms: when the last batch landed; 0 if unknown
    levels: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    continuations: int = 0
    late: int = 0
    batches: int = 0
    count_s: float = 0.0
    write_s: float = 0.0
    starts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def land(self, batch: Head) -> None:
        """Count a landed batch, or skip a gap."""
        self.position = batch.position
        if not batch.has_batch:
            return
        self.landed_at = batch.landed_at
        self.levels.update(batch.totals.levels)
        self.rejected.update(batch.totals.rejects)
        self.continuations += batch.totals.continuations
        self.late += batch.totals.late
        self.batches += 1
        if batch.began_at:  # older drivers do not record it
            self.count_s += max(0.0, batch.write_ts / 1e6 - batch.began_at / 1000)
        self.write_s += max(0.0, batch.landed_at / 1000 - batch.write_ts / 1e6)

    def start(self, attempts: Sequence[AttemptRow]) -> None:
        """Count the starts among `attempts` (newest first) that are not counted yet."""
        used = [row for row in reversed(attempts) if row.used]
        for before, row in zip([None, *used], used, strict=False):
            if row.attempt > self.attempt:
                self.starts[row.cause, (before.exit_reason or KILLED) if before else FIRST] += 1
                self.attempt = row.attempt


class Counters:
    def __init__(self) -> None:
        self._budget, self._turns = TimeBudget(), 0
        self._known: dict[str, JobCounters] = {}
        self._turn: dict[str, int] = {}

    def look(self, store: LedgerStore, snapshots: Mapping[str, JobSnapshot]) -> Mapping[str, JobCounters]:
        """Return the counters by job, without jobs that never started. Batches that do not fit the time budget wait. Raises NotRunning."""
        self._budget.begin()
        for job in sorted(snapshots, key=lambda job: self._turn.get(job, 0)):  # the job that has waited longest comes first
            if (head := snapshots[job].head) is not None:
                self._look(store, job, head, snapshots[job].attempts)
            elif snapshots[job].attempts:
                self._starts(job, snapshots[job].attempts)
        return {job: self._known[job] for job in snapshots if job in self._known}

    def _starts(self, job: str, attempts: Sequence[AttemptRow]) -> None:
        """Count the starts of a job without a head: it has no batches."""
        if (known := self._known.get(job)) is None:
            known = self._known[job] = JobCounters(NOWHERE)
            known.start(attempts)
            known.starts = Counter(dict.fromkeys(known.starts, 0))
        known.start(attempts)

    def _look(self, store: LedgerStore, job: str, head: Head, attempts: Sequence[AttemptRow]) -> None:
        known = self._known.get(job)
        if known is None:
            if head.state is State.CLAIMED and not self._budget.left():
                return
            known = self._known[job] = _beginning(store, head, attempts)
        known.start(attempts)
        if newest(head) > known.position and self._budget.left():
            self._turns += 1
            self._turn[job] = self._turns
            _read(store, head, known)


def _beginning(store: LedgerStore, head: Head, attempts: Sequence[AttemptRow]) -> JobCounters:
    """Return counters at 0 for everything so far, with all known label values: a series that begins with 1 would hide its first
    increase."""
    kept = head if head.state is State.LANDED else next(store.ledger(head.job), None)
    known = JobCounters(newest(head), landed_at=kept.landed_at if kept else 0)
    known.start(attempts)
    known.starts = Counter(dict.fromkeys(known.starts, 0))
    known.levels.update(dict.fromkeys(head.totals.levels, 0))
    known.rejected.update(dict.fromkeys(head.totals.rejects, 0))
    return known


def _read(store: LedgerStore, head: Head, known: JobCounters) -> None:
    """Count new batches from the ledger, then the head's, which may not be in the ledger yet."""
    kept = list(islice(store.ledger_after(head.job, known.position), MOST))
    for batch in kept:
        known.land(batch)
    if len(kept) < MOST and head.for_ledger and head.position > known.position:
        known.land(head)


def newest(head: Head) -> Position:
    """Return the newest landed position by the head; an open claim does not count."""
    return head.position if head.state is State.LANDED else (head.by, head.batch_id - 1)
