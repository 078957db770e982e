"""Folding: the deltas of an hour and shard become one run of sums, which is proven, checked and then published by compare-and-set.

new run = published run + landed deltas in (published position, N]. After any kill, and if it runs twice, readers see the same sums. The
run's hour roll-up, its sums without panes, is written, proven and published with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from spark_jobs import failpoint
from spark_jobs.protocol.head import Landed, Position, landed
from weir.counts import restored
from weir.errors import NotProven
from weir.ports.counts import NOWHERE, Cell, CountStore, HourShard, Kind, Published
from weir.ports.heads import HeadStore


class Outcome(StrEnum):
    PUBLISHED = "published"
    NOTHING_NEW = "nothing new"
    OVERTAKEN = "overtaken"  # another fold published first


@dataclass(frozen=True)
class Folded:
    """The result of a fold; `lines` is the sum of its run."""

    outcome: Outcome
    at: HourShard
    lines: int = 0
    cells: int = 0


@dataclass(frozen=True)
class Candidate:
    """A run that is written, read back and proven, but not yet published. `ledger` has the lines by level of the landed batches."""

    job: str
    at: HourShard
    old: Published | None
    new: Published
    cells: Mapping[Cell, int]
    kinds: Mapping[Kind, int]
    ledger: Mapping[str, int]


# Checks candidates. Returns those that must not be published, each with the expectations that it fails.
Gate = Callable[[Sequence[Candidate]], Mapping[HourShard, str]]


def fold(store: CountStore, job: str, at: HourShard, run: str, now_ms: int, gate: Gate | None = None) -> Folded:
    """Fold an hour and shard under the new run id `run`.

    Raises NotProven if the sums differ from the ledger, or the gate refuses the run; then nothing changed.
    """
    ready = prepare(store, job, at, run, now_ms)
    if isinstance(ready, Outcome):
        return Folded(ready, at)
    refused = gate([ready]) if gate else {}
    if at in refused:
        raise not_published(job, at, refused[at])
    return publish(store, ready)


def prepare(store: CountStore, job: str, at: HourShard, run: str, now_ms: int) -> Candidate | Outcome:
    """Write a run and its roll-up, read both back and prove them. Raises NotProven."""
    old = store.published(job, at)
    seen = seen_landed(store, job)
    restored.refuse(job, at, old.position if old else NOWHERE, seen)
    if seen.newest is None or (old is not None and old.position >= seen.newest):
        return Outcome.NOTHING_NEW
    summed = sums(store, job, at, old, seen)
    store.put_run(job, at, run, old.run if old else "", summed)
    store.put_run_hour(job, at, run, by_kind(summed))
    failpoint.reach("fold.write")
    new = Published(run, seen.newest, seen.write_ts, now_ms)
    ledger = ledger_levels(store, job, at, seen)
    ready = Candidate(job, at, old, new, store.run_cells(job, at, run), store.run_hour(job, at, run), ledger)
    if store.published(job, at) != old:  # the deltas to sum may be deleted already
        return Outcome.OVERTAKEN
    prove(ready)
    failpoint.reach("fold.prove")
    return ready


def publish(store: CountStore, ready: Candidate) -> Folded:
    """Publish a run, if the run that it was begun on is still the published one."""
    restored.keep(store, ready.job)
    swapped = store.publish(ready.job, ready.at, ready.old, ready.new)
    failpoint.reach("fold.publish")
    outcome = Outcome.PUBLISHED if swapped else Outcome.OVERTAKEN
    return Folded(outcome, ready.at, sum(ready.cells.values()), len(ready.cells))


def sums(store: CountStore, job: str, at: HourShard, old: Published | None, seen: Landed) -> Mapping[Cell, int]:
    """Return the old run's cells plus the landed deltas after it. Only valid while `old` is published. Raises NotProven."""
    restored.refuse(job, at, old.position if old else NOWHERE, seen)
    cells = dict(store.run_cells(job, at, old.run) if old else {})
    after, is_new = old.position if old else NOWHERE, dict[Position, bool]()  # by position: many deltas have the same one
    for position, cell, n in store.deltas(job, at):
        if position not in is_new:
            is_new[position] = position > after and position in seen
        if is_new[position]:
            cells[cell] = cells.get(cell, 0) + n
    return cells


def by_kind(cells: Mapping[Cell, int]) -> Mapping[Kind, int]:
    """Sum over panes."""
    kinds: dict[Kind, int] = {}
    for (_, service, level, signature), n in cells.items():
        kind = service, level, signature
        kinds[kind] = kinds.get(kind, 0) + n
    return kinds


def by_level(kinds: Mapping[Kind, int]) -> Mapping[str, int]:
    levels: Counter[str] = Counter()
    for (_, level, _), n in kinds.items():
        levels[level] += n
    return levels


def ledger_levels(store: CountStore, job: str, at: HourShard, seen: Landed) -> Mapping[str, int]:
    """Return the ledger's lines by level for an hour and shard."""
    return added(by_level for position, by_level in store.hour_totals(job, at) if position in seen)


def added(many: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    levels: Counter[str] = Counter()
    for each in many:
        levels.update(each)
    return levels


def prove(ready: Candidate) -> None:
    """Raise NotProven unless the run's sums by level equal the ledger's, and its roll-up equals the run."""
    kinds = by_kind(ready.cells)
    found = by_level(kinds)
    if dict(found) != dict(ready.ledger):
        raise not_published(ready.job, ready.at, f"folded to {dict(found)}, the ledger says {dict(ready.ledger)}")
    if dict(ready.kinds) != kinds:
        raise not_published(ready.job, ready.at, f"the hour roll-up has {sum(ready.kinds.values())} lines and is not the run's sum")


def not_published(job: str, at: HourShard, why: str) -> NotProven:
    return NotProven(f"{job}, hour {at[0]}, shard {at[1]}: {why}.", f"Nothing was published. Run: weir recount {job}")


def seen_landed(store: HeadStore, job: str) -> Landed:
    """Return what has landed. The head is read first: a first batch is noted before it is claimed, so no attempt is missing."""
    head = store.head(job)
    if head is None:
        return Landed({}, None, 0)
    return landed(head, store.firsts(job))
