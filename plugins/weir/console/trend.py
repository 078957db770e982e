"""Errors of the last hour by job, from the ledger, by the minute in which they landed: the data of the sparklines.

The first check of a job reads some of its newest batches. Later ones read what has landed since, as far as the time budget of a pass
allows. Minutes before the oldest batch read are unknown, and are not drawn as zero.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from spark_jobs.counts.cells import HOUR_MS
from spark_jobs.protocol.head import Head, Position
from weir.counts.signatures import LEVELS
from weir.ports.ledger import LedgerStore
from weir.supervise.time_budget import TimeBudget

MINUTE_MS = 60_000
FIRST, MOST = 300, 2000  # batches of one job in one check
EVERY_S = 20.0  # between two checks of one job
LOOKS_S = 2.0  # the time budget of a pass; no request waits for it


@dataclass
class Trend:
    """The errors of one job by the minute in which they landed."""

    position: Position  # up to here the ledger is read
    since: int  # ms: complete from here on
    minutes: Counter[int] = field(default_factory=Counter)  # by the start of the minute (ms)

    def land(self, batch: Head) -> None:
        self.position = max(self.position, batch.position)
        if batch.has_batch and batch.landed_at:
            self.minutes[batch.landed_at // MINUTE_MS * MINUTE_MS] += sum(batch.totals.levels.get(level, 0) for level in LEVELS)

    def values(self, now: int) -> Sequence[int | None]:
        """Return the minutes of the last hour, oldest first; None means unknown."""
        first = (now - HOUR_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS
        return [self.minutes[m] if m + MINUTE_MS > self.since else None for m in range(first, first + HOUR_MS, MINUTE_MS)]


class Trends:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._budget = clock, TimeBudget(LOOKS_S)
        self._known: dict[str, Trend] = {}
        self._asked: dict[str, float] = {}

    def look(self, store: LedgerStore, heads: Mapping[str, Head]) -> None:
        """Read new batches, first of the job that has waited longest. Raises NotRunning."""
        self._budget.begin()
        for job in sorted(heads, key=lambda job: self._asked.get(job, 0)):
            if self._clock() - self._asked.get(job, 0) >= EVERY_S and self._budget.left():
                self._asked[job] = self._clock()
                self._read(store, job, heads[job])

    def values(self, job: str) -> Sequence[int | None]:
        """Return errors by minute of the last hour; empty if nothing is known yet."""
        known = self._known.get(job)
        return known.values(int(self._clock() * 1000)) if known else ()

    def _read(self, store: LedgerStore, job: str, head: Head) -> None:
        known = self._known.get(job)
        if known is None or known.position > head.position:  # the first check, or the head was restored from a backup
            self._known[job] = _begun(store, job, int(self._clock() * 1000))
        elif head.position > known.position:
            for batch in islice(store.ledger_after(job, known.position), MOST):
                known.land(batch)
            _forget(known, int(self._clock() * 1000) - 2 * HOUR_MS)


def _begun(store: LedgerStore, job: str, now: int) -> Trend:
    trend = Trend((-1, -1), 0)
    for n, batch in enumerate(store.ledger(job), 1):
        if batch.landed_at and batch.landed_at < now - HOUR_MS:
            break
        trend.land(batch)
        if n == FIRST:
            trend.since = batch.landed_at
            break
    return trend


def _forget(trend: Trend, before: int) -> None:
    for minute in [minute for minute in trend.minutes if minute < before]:
        del trend.minutes[minute]
