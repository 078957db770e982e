"""The facts that laws are checked on, as rows: counts of closed panes, the ledger, hours against the ledger, freshness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from spark_jobs.contract import hour_of
from spark_jobs.gap import accounts_for
from spark_jobs.protocol import Head, landed
from weir.cluster.base import Broker, CountStore
from weir.cluster.records import HourShard
from weir.counts.closed import closed_until
from weir.counts.fold import ledger_levels
from weir.counts.progress import batches, head_of, left
from weir.counts.read import Snapshot, snapshot
from weir.counts.rules import Rules
from weir.quality.rollups import rollups

Row = dict[str, Any]
PLACES = 96  # hours and shards of one validation: with 4 shards, the 24 hours that were written to last
BATCHES = 20_000  # rows of the ledger: some hours of them


@dataclass(frozen=True)
class Tables:
    """Rows by table. `closed` is the moment up to which panes are closed."""

    counts: Sequence[Row]
    ledger: Sequence[Row]
    hours: Sequence[Row]
    rollups: Sequence[Row]
    freshness: Sequence[Row]
    closed: int

    def by_name(self) -> Mapping[str, Sequence[Row]]:
        return {name: getattr(self, name) for name in ("counts", "ledger", "hours", "rollups", "freshness")}


def gather(store: CountStore, broker: Broker, rules: Rules, since: int | None, until: int | None, now: int) -> Tables:
    """What is true at one moment, of the hours that begin in [since, until) or were written to last. Raises UnknownJob, NotRunning."""
    ends = broker.end_offsets(rules.topic)
    head_of(store, rules.job)
    places = _places(store, rules.job, since, until)
    taken = snapshot(store, rules.job, places)
    closed = closed_until(taken.head, rules, ends, now)
    return Tables(
        counts=list(_counts(taken, rules, closed)),
        ledger=list(_ledger(islice(batches(store, rules.job), BATCHES))),
        hours=list(_hours(store, rules.job, taken)),
        rollups=list(rollups(store, rules.job, places)),
        freshness=[_freshness(store, rules.job, ends, now)],
        closed=closed,
    )


def _places(store: CountStore, job: str, since: int | None, until: int | None) -> list[HourShard]:
    """Without a span, what was written to last: late lines bring old hours back."""
    touched = store.hours(job, None if since is None else hour_of(since), until)
    if since is None and until is None:
        touched = sorted(touched, key=lambda t: t.position)[-PLACES:]
    return sorted((t.hour, t.shard) for t in touched)


def _counts(taken: Snapshot, rules: Rules, closed: int) -> Iterable[Row]:
    for cells in taken.cells.values():
        for (pane, service, level, signature), n in cells.items():
            if pane + rules.pane <= closed:
                yield {
                    "pane_start": pane,
                    "service": service or None,
                    "level": level or None,
                    "signature": signature,
                    "n": n,
                    "off_pane": pane % rules.pane,
                }


def _ledger(heads: Iterable[Head]) -> Iterable[Row]:
    """Newest first; `gap` is how many offsets lie between a batch and the one before it, overlaps counted too."""
    younger: Row | None = None
    follower: Head | None = None
    for head in heads:
        if younger is not None and follower is not None:
            yield {**younger, "gap": _gap(head, follower)}
        totals = head.totals
        younger, follower = None, head
        if head.last_landed == head.batch_id:
            younger = {
                "attempt": head.by,
                "batch_id": head.batch_id,
                "lines": totals.lines,
                "counted": sum(totals.levels.values()) + sum(totals.rejected.values()),
                "skipped": head.batch.offsets - totals.lines,
                "late": totals.late,
                "least": min([0, *totals.levels.values(), *totals.rejected.values()]),
            }
    if younger is not None:
        yield {**younger, "gap": 0}


def _gap(before: Head, after: Head) -> int:
    """How many offsets lie between two rows and in no gap, overlaps counted too; at least 1 if something is unaccounted for."""
    if accounts_for(after.gap, (before.topic_id, after.topic_id), before.end, after.start):
        return 0
    partitions = before.end.keys() | after.start.keys()
    return sum(abs(after.start.get(p, 0) - before.end.get(p, 0)) for p in partitions) or 1


def _hours(store: CountStore, job: str, taken: Snapshot) -> Iterable[Row]:
    """For each hour, shard and level: what readers get, and what the landed batches said that they wrote."""
    seen = landed(taken.head, store.firsts(job))
    for at, cells in taken.cells.items():
        counted: Counter[str] = Counter()
        for (_, _, level, _), n in cells.items():
            counted[level] += n
        noted = ledger_levels(store, job, at, seen)
        for level in sorted(counted.keys() | noted.keys()):
            yield {"hour": at[0], "shard": at[1], "level": level, "counted": counted[level], "ledger": noted.get(level, 0)}


def _freshness(store: CountStore, job: str, ends: Mapping[int, int], now: int) -> Row:
    """How long (s) input has waited without anything landing; 0 while nothing waits."""
    head, lag = head_of(store, job), left(store, job, ends)
    last = head.landed_at or head.write_ts // 1000
    return {"lag": lag, "waiting_s": max(0, now - last) / 1000 if lag else 0.0}
