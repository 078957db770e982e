"""Folding: the deltas of an hour and shard become one run of plain sums, published by compare-and-set, proven before.

new run = published run + landed deltas in (published position, N]. Killed anywhere, run twice or at once, readers see the same sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from spark_jobs import failpoint
from spark_jobs.protocol import Landed, landed
from weir.cluster.base import CountStore
from weir.cluster.records import Cell, HourShard, Published
from weir.counts import restored
from weir.errors import NotProven


class Outcome(StrEnum):
    PUBLISHED = "published"
    NOTHING_NEW = "nothing new"
    OVERTAKEN = "overtaken"  # another fold published first


@dataclass(frozen=True)
class Folded:
    """What a fold did; `lines` is the sum of the run that it wrote."""

    outcome: Outcome
    at: HourShard
    lines: int = 0
    cells: int = 0


def fold(store: CountStore, job: str, at: HourShard, run: str, now_ms: int) -> Folded:
    """Fold an hour and shard under the new run id `run`. Raises NotProven if the sums do not equal the ledger's; then nothing changed."""
    old = store.published(job, at)
    seen = seen_landed(store, job)
    restored.refuse(job, at, old, seen)
    if seen.newest is None or (old is not None and old.position >= seen.newest):
        return Folded(Outcome.NOTHING_NEW, at)
    store.put_run(job, at, run, old.run if old else "", sums(store, job, at, old, seen))
    failpoint.reach("fold.write")
    cells = store.run_cells(job, at, run)
    expected = ledger_levels(store, job, at, seen)
    if store.published(job, at) != old:  # the deltas that were to be summed may be deleted already
        return Folded(Outcome.OVERTAKEN, at)
    prove(job, at, cells, expected)
    failpoint.reach("fold.prove")
    restored.keep(store, job)
    new = Published(run, seen.newest, seen.write_ts, now_ms)
    outcome = Outcome.PUBLISHED if store.publish(job, at, old, new) else Outcome.OVERTAKEN
    failpoint.reach("fold.publish")
    return Folded(outcome, at, sum(cells.values()), len(cells))


def sweep(store: CountStore, job: str, at: HourShard, keep_since_ms: int) -> int:
    """Delete what the published run replaced, if it was published at or before `keep_since_ms`. Returns the number of runs deleted.

    A run may go only when nobody can publish it any more: when what was published at its beginning no longer is. A fold that slept
    through all of this then fails its compare-and-set, instead of publishing an empty run.
    """
    current = store.published(job, at)
    if current is None or current.at > keep_since_ms:
        return 0
    store.delete_deltas(job, at, current.write_ts)
    failpoint.reach("sweep.deltas")
    dead = [run for run, base in store.runs(job, at).items() if run != current.run and base != current.run]
    for run in dead:
        store.delete_run(job, at, run)
        failpoint.reach("sweep.run")
    return len(dead)


def sums(store: CountStore, job: str, at: HourShard, old: Published | None, seen: Landed) -> Mapping[Cell, int]:
    """The old run's cells plus the landed deltas after it. Only valid while `old` is what is published. Raises NotProven."""
    restored.refuse(job, at, old, seen)
    cells = Counter(store.run_cells(job, at, old.run) if old else {})
    after = old.position if old else (-1, -1)
    for position, cell, n in store.deltas(job, at):
        if position > after and position in seen:
            cells[cell] += n
    return cells


def ledger_levels(store: CountStore, job: str, at: HourShard, seen: Landed) -> Mapping[str, int]:
    """Lines by level that the ledger has for an hour and shard."""
    levels: Counter[str] = Counter()
    for position, by_level in store.hour_totals(job, at):
        if position in seen:
            levels.update(by_level)
    return levels


def prove(job: str, at: HourShard, cells: Mapping[Cell, int], expected: Mapping[str, int]) -> None:
    """Raise NotProven unless the cells' sums by level are the ledger's."""
    found: Counter[str] = Counter()
    for (_, _, level, _), n in cells.items():
        found[level] += n
    if dict(found) != dict(expected):
        raise NotProven(
            f"{job}, hour {at[0]}, shard {at[1]}: folded to {dict(found)}, the ledger says {dict(expected)}.",
            f"Nothing was published. Run: weir recount {job}",
        )


def seen_landed(store: CountStore, job: str) -> Landed:
    """What has landed. The head is read first: a first batch is noted before it is claimed, so no attempt is missing."""
    head = store.head(job)
    if head is None:
        return Landed({}, None, 0)
    return landed(head, store.firsts(job))
