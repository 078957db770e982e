"""What has happened since the exporter began: batches that landed, from the ledger, and starts of drivers, from the attempts.

Counters that began with the ledger would need all of it. Prometheus asks for none: it adds up what a counter grows by, and takes a smaller
value for a new beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from spark_jobs.protocol.head import Head, Position, State
from weir.ports.counts import CountStore
from weir.ports.jobs import AttemptRow, JobSnapshot
from weir.supervise.time_budget import TimeBudget

MOST = 2000  # batches of a job in one look: after a long silence the counters catch up over several
KILLED, FIRST = "killed", "none"  # how the driver before ended: without a last word, or there was none


@dataclass
class Counted:
    """Of one job. All up to `position` and `attempt` is counted; the last batch landed `landed_at` (ms, 0 if that is not known)."""

    position: Position
    attempt: int = 0
    landed_at: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    late: int = 0
    batches: int = 0
    count_s: float = 0.0
    write_s: float = 0.0
    starts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def land(self, batch: Head) -> None:
        """Count a landed batch, or pass over a gap."""
        self.position = batch.position
        if not batch.has_batch:
            return
        self.landed_at = batch.landed_at
        self.levels.update(batch.totals.levels)
        self.rejected.update(batch.totals.rejected)
        self.late += batch.totals.late
        self.batches += 1
        if batch.began_at:  # an older driver does not say
            self.count_s += max(0.0, batch.write_ts / 1e6 - batch.began_at / 1000)
        self.write_s += max(0.0, batch.landed_at / 1000 - batch.write_ts / 1e6)

    def start(self, attempts: Sequence[AttemptRow]) -> None:
        """Count the starts among `attempts`, newest first, that are not counted yet."""
        used = [row for row in reversed(attempts) if row.used]
        for before, row in zip([None, *used], used, strict=False):
            if row.attempt > self.attempt:
                self.starts[row.cause, (before.exit_reason or KILLED) if before else FIRST] += 1
                self.attempt = row.attempt


class Counters:
    def __init__(self) -> None:
        self._budget, self._turns = TimeBudget(), 0
        self._known: dict[str, Counted] = {}
        self._turn: dict[str, int] = {}

    def look(self, store: CountStore, snapshots: Mapping[str, JobSnapshot]) -> Mapping[str, Counted]:
        """By job, without those that never started. What there is no time to read is counted by a later look. Raises NotRunning."""
        self._budget.begin()
        for job in sorted(snapshots, key=lambda job: self._turn.get(job, 0)):  # who has waited longest comes first
            if (head := snapshots[job].head) is not None:
                self._look(store, job, head, snapshots[job].attempts)
        return {job: self._known[job] for job in snapshots if job in self._known}

    def _look(self, store: CountStore, job: str, head: Head, attempts: Sequence[AttemptRow]) -> None:
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


def _beginning(store: CountStore, head: Head, attempts: Sequence[AttemptRow]) -> Counted:
    """All that is there already counts as 0, and its names are shown with it: a series that begins with 1 hides its first step."""
    kept = head if head.state is State.LANDED else next(store.ledger(head.job), None)
    known = Counted(newest(head), landed_at=kept.landed_at if kept else 0)
    known.start(attempts)
    known.starts = Counter(dict.fromkeys(known.starts, 0))
    known.levels.update(dict.fromkeys(head.totals.levels, 0))
    known.rejected.update(dict.fromkeys(head.totals.rejected, 0))
    return known


def _read(store: CountStore, head: Head, known: Counted) -> None:
    """The ledger first; it need not have the head's batch yet."""
    kept = list(islice(store.ledger_after(head.job, known.position), MOST))
    for batch in kept:
        known.land(batch)
    if len(kept) < MOST and head.for_ledger and head.position > known.position:
        known.land(head)


def newest(head: Head) -> Position:
    """The newest position that has landed, as far as the head tells: an open claim is not among it."""
    return head.position if head.state is State.LANDED else (head.by, head.batch_id - 1)
