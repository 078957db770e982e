"""Recount: read what has landed from the source again, count it with other code, and compare with the store.

The store is read first, place by place, as of one head; that head says how far to read the source. The comparison keeps on disk what does
not fit into memory, and lines are read in pieces, by as many processes as there are cores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.protocol.head import Head, Landed, Position, landed, rejects
from weir.counts.compare import REJECTED, Cell, Comparison, Difference
from weir.counts.plan import Plan, plan_of
from weir.counts.progress import head_of
from weir.counts.proven import Part
from weir.counts.read import TRIES, as_of
from weir.counts.rules import Rules
from weir.counts.scope import EVERYTHING, NOTHING, Scope
from weir.counts.tally import tallies
from weir.errors import Conflict
from weir.ports.counts import CountStore, Touched
from weir.ports.source import Source

COMPACTED = " The topic is compacted: Kafka deletes older lines, so only counts that are too low can be found."
LISTED = 100  # differences that are listed one by one


@dataclass(frozen=True)
class Result:
    """The result of a recount. Numbers are lines."""

    job: str
    frontier: Mapping[str, int]  # where the recounted part ends, by partition
    missing: int  # in the source, not in the store
    doubled: int  # in the store more often than in the source
    late: int
    rejected: int
    checked_lines: int
    unchecked_lines: int  # landed, but no longer in the broker
    gap_lines: int  # left out and never counted
    rejected_by_reason: Mapping[str, int]
    differences: tuple[Difference, ...]  # the first LISTED ones
    part: Part  # what this adds to the proven part
    unsure: frozenset[int] = (
        frozenset()
    )  # hours (ms) that may have lines which the broker lacks: a count there that is too high is not seen
    compacted: bool = False  # the topic is: then a count that is too high, and rejected lines, cannot be told

    @property
    def exact(self) -> bool:
        return self.missing == self.doubled == 0

    @property
    def proven(self) -> bool:
        return self.exact and self.checked_lines > 0

    @property
    def sentence(self) -> str:
        left_out = f"{COMPACTED if self.compacted else ''}"
        left_out += f" {self.gap_lines} lines were left out and never counted: weir ledger {self.job}" if self.gap_lines else ""
        if self.exact and not self.checked_lines:
            gone = (
                f"{self.unchecked_lines} lines are no longer in the broker" if self.unchecked_lines else "no lines have landed in that part"
            )
            return f"WEIR-401: {self.job}: nothing could be checked, {gone}.{left_out}"
        if self.proven:
            rest = (f" {self.unchecked_lines} lines are no longer in the broker." if self.unchecked_lines else "") + left_out
            return f"{self.job}: {self.checked_lines} lines were recounted, none is missing or doubled.{rest}"
        first = next((d.as_dict()["first"] for d in self.differences if d.first), None)
        where = f" The first difference is at partition {first['partition']}, offset {first['offset']}." if first else ""
        return f"WEIR-401: {self.job}: {self.missing} lines are missing, {self.doubled} doubled, of {self.checked_lines}.{where}"

    def numbers(self) -> dict[str, int]:
        names = ("missing", "doubled", "late", "rejected", "checked_lines", "unchecked_lines", "gap_lines")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        return {
            "job": self.job,
            **self.numbers(),
            "rejected_by_reason": dict(self.rejected_by_reason),
            "frontier": dict(self.frontier),
            "differences": [d.as_dict() for d in self.differences],
        }


@dataclass(frozen=True)
class Stored:
    """The state of the store as of one head; its counts are in the comparison."""

    head: Head
    seen: Landed
    places: Sequence[Touched]


def recount(store: CountStore, source: Source, rules: Rules, scope: Scope = EVERYTHING, workers: int = 1) -> Result:
    """Recount what has landed, or the part in `scope`, each batch by the rules of the version that counted it.

    Raises UnknownJob, NotRunning (the broker does not answer), Conflict (the counts were folded repeatedly).
    """
    head_of(store, rules.job)
    for _ in range(TRIES):
        with Comparison() as comparison:
            stored = _store_side(store, rules.job, scope, comparison)
            if stored is not None:
                return _compared(store, source, rules, scope, workers, stored, comparison)
    raise Conflict(f"The counts of {rules.job} were folded repeatedly while they were read.", "Try again, or ask for fewer hours.")


def _store_side(store: CountStore, job: str, scope: Scope, comparison: Comparison) -> Stored | None:
    """Add the stored counts as of the present head to the comparison. None if a fold has published beyond it: then try a newer head.

    The places are listed after the head, so that they include every hour of a landed batch.
    """
    head = head_of(store, job)
    seen = landed(head, store.firsts(job))
    places = scope.places(store, job)
    for touched in places:
        cells = as_of(store, job, (touched.hour, touched.shard), seen)
        if cells is None:
            return None
        found: Counter[Cell] = Counter()
        for (pane, service, level, _), n in cells.items():
            if scope.holds(pane):
                found[pane, service, level] += n
        comparison.add_stored(found)
    return Stored(head, seen, places)


def _compared(
    store: CountStore, source: Source, rules: Rules, scope: Scope, workers: int, stored: Stored, comparison: Comparison
) -> Result:
    plan = _plan(store, source, rules, scope, stored)
    counted, rejected, records = _source_side(source, scope, workers, plan, comparison)
    comparison.add_stored({REJECTED: plan.rejected})
    unsure = _unsure(store, rules.job, stored.places, plan) if plan.lost else set()
    missing = doubled = 0
    listed: list[Difference] = []
    for difference in comparison.differences(unsure):
        missing, doubled = missing + difference.missing, doubled + difference.doubled
        listed += [difference.at(plan.labels)] if len(listed) < LISTED else []
    return Result(
        job=rules.job,
        frontier=stored.head.shown_frontier,
        missing=missing,
        doubled=doubled,
        late=plan.late,
        rejected=sum(rejects(rejected).values()),
        checked_lines=counted + rejected.total(),
        unchecked_lines=plan.unchecked + max(0, plan.vanishing - records),
        gap_lines=plan.left_out,
        rejected_by_reason=dict(rejected),
        differences=tuple(listed),
        part=_part(store, rules.job, scope, stored, unsure, exact=missing == doubled == 0),
        unsure=frozenset(unsure),
        compacted=bool(plan.compacted),
    )


def _source_side(source: Source, scope: Scope, workers: int, plan: Plan, comparison: Comparison) -> tuple[int, Counter[str], int]:
    """Add the source's lines to the comparison. Return how many were counted, how many were rejected by reason, and how many records of
    compacted topics there were."""
    lines, rejected, order, records = 0, Counter[str](), plan.places, 0
    for tally in tallies(source, plan.pieces(), workers):
        records += tally.records if tally.partition.source in plan.compacted else 0
        cells = {cell: found for cell, found in tally.cells.items() if scope.holds(cell[0])}
        lines += sum(n for n, _ in cells.values())
        comparison.add_counted(order.index(tally.partition), cells)
        if tally.rejected:
            comparison.add_counted(order.index(tally.partition), {REJECTED: (tally.rejected.total(), tally.first_rejected)})
            rejected.update(tally.rejected)
    return lines, rejected, records


def _plan(store: CountStore, source: Source, rules: Rules, scope: Scope, stored: Stored) -> Plan:
    """Plan all landed batches, or those that wrote to the scope's hours; read the ledger no further back than the oldest of them."""
    if scope.everything:
        return plan_of(store, source, rules, stored.seen)
    if scope.barren:
        return plan_of(store, source, rules, stored.seen, scope.wants_barren, scope.after)
    touching = _touching(store, rules.job, stored)
    oldest = min(touching, default=(stored.head.attempt + 1, 0))
    return plan_of(store, source, rules, stored.seen, lambda head: (head.by, head.batch_id) in touching, oldest)


def _touching(store: CountStore, job: str, stored: Stored) -> set[Position]:
    """Return the landed batches that wrote to these places."""
    return {p for t in stored.places for p, _ in store.hour_totals(job, (t.hour, t.shard)) if p in stored.seen}


def _unsure(store: CountStore, job: str, places: Iterable[Touched], plan: Plan) -> set[int]:
    """Return the hours that may contain lines which the broker lacks: there, a count that is too high means nothing."""
    return {t.hour for t in places if any(plan.is_lost(position) for position, _ in store.hour_totals(job, (t.hour, t.shard)))}


def _part(store: CountStore, job: str, scope: Scope, stored: Stored, unsure: set[int], exact: bool) -> Part:
    """Return what this proves of the batches in (after, upto]: their lines in hours of which the source still has every line."""
    checked = 0
    for touched in stored.places:
        if touched.position > scope.after and scope.upto > NOTHING and touched.hour not in unsure:
            new = (n for p, n in store.hour_totals(job, (touched.hour, touched.shard)) if scope.is_new(p) and p in stored.seen)
            checked += sum(sum(levels.values()) for levels in new)
    return Part(exact, stored.seen.newest or NOTHING, checked)
