"""The proof: read what has landed back from the source, count it by other means, and compare with the store.

The store is read first, at one consistent moment; its head fixes how far the source is read. Lines are streamed and only counted, so memory
grows with panes, services and levels, and not with lines.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spark_jobs.contract import hour_of
from spark_jobs.gap import Gap
from spark_jobs.protocol import Head, Landed, Position, landed
from weir.cluster.base import CountStore, Source
from weir.cluster.records import HourShard
from weir.counts.lines import Parse, parser, service_of
from weir.counts.panes import iso
from weir.counts.progress import batches, head_of
from weir.counts.read import snapshot
from weir.counts.rules import Rules

Cell = tuple[int, str, str]  # pane start (ms), service, level
Place = tuple[int, int]  # partition, offset
REJECTED: Cell = (0, "", "")  # rejected lines have neither pane nor level: they are compared as one number
TOLD = 100  # differences that are named one by one


@dataclass(frozen=True)
class Difference:
    """A cell that is not the same; `first` is where the source has its first line, None if it has none."""

    cell: Cell
    stored: int
    recounted: int
    first: Place | None

    def as_dict(self) -> dict[str, Any]:
        pane, service, level = self.cell
        named = {"rejected": True} if self.cell == REJECTED else {"pane": iso(pane), "service": service, "level": level}
        first = {"partition": self.first[0], "offset": self.first[1]} if self.first else None
        return {**named, "stored": self.stored, "recounted": self.recounted, "first": first}


@dataclass(frozen=True)
class Result:
    """What a recount found, in lines. `unchecked_lines` landed and are no longer in the broker, `gap_lines` never will."""

    job: str
    frontier: Mapping[int, int]
    missing: int
    doubled: int
    late: int
    rejected: int
    checked_lines: int
    unchecked_lines: int
    gap_lines: int
    rejected_by_reason: Mapping[str, int]
    differences: tuple[Difference, ...]

    @property
    def proven(self) -> bool:
        return self.missing == self.doubled == 0 < self.checked_lines

    @property
    def sentence(self) -> str:
        left_out = f" {self.gap_lines} lines were left out and never counted: weir ledger {self.job}" if self.gap_lines else ""
        if not self.checked_lines:
            return f"WEIR-401: {self.job}: nothing could be checked, {self.unchecked_lines} lines are no longer in the broker.{left_out}"
        if self.proven:
            rest = (f" {self.unchecked_lines} lines are no longer in the broker." if self.unchecked_lines else "") + left_out
            return f"{self.job}: {self.checked_lines} lines were counted again, none is missing or doubled.{rest}"
        first = next((d.as_dict()["first"] for d in self.differences if d.first), None)
        where = f" The first that differ begin at partition {first['partition']}, offset {first['offset']}." if first else ""
        return f"WEIR-401: {self.job}: {self.missing} lines are missing, {self.doubled} doubled, of {self.checked_lines}.{where}"

    def numbers(self) -> dict[str, int]:
        names = ("missing", "doubled", "late", "rejected", "checked_lines", "unchecked_lines", "gap_lines")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        return {
            "job": self.job,
            **self.numbers(),
            "rejected_by_reason": dict(self.rejected_by_reason),
            "frontier": {str(p): o for p, o in sorted(self.frontier.items())},
            "differences": [d.as_dict() for d in self.differences],
        }


@dataclass
class Plan:
    """What to read: ranges by partition, `whole` of batches that the broker has all of, `torn` what it has of others."""

    whole: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    torn: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    lost: dict[int, int] = field(default_factory=dict)  # by attempt, the last batch that is not whole
    late: int = 0
    rejected: int = 0  # of whole batches
    unchecked: int = 0
    left_out: int = 0  # in gaps
    cut: dict[int, int] = field(default_factory=dict)  # by partition, where the log was cut after the batches that are still to come

    def pass_over(self, gap: Gap) -> None:
        """A gap is in no batch. Where it says that the log was cut, older batches' offsets may hold other lines now."""
        self.left_out += gap.lines
        for hole in gap.holes:
            if hole.end < hole.start:
                self.cut[hole.partition] = min(hole.end, self.cut.get(hole.partition, hole.end))

    def add(self, head: Head, earliest: Mapping[int, int], same_topic: bool) -> None:
        spans = {p: (head.start.get(p, 0), end) for p, end in head.end.items() if end > head.start.get(p, 0)}
        kept = {p: self._kept(p, span, earliest) if same_topic else (span[1], span[1]) for p, span in spans.items()}
        gone = {p: end - start - (kept[p][1] - kept[p][0]) for p, (start, end) in spans.items()}
        torn = any(gone.values())
        if not torn:
            self.late += head.totals.late
            self.rejected += sum(head.totals.rejected.values())
        else:
            self.lost[head.by] = max(self.lost.get(head.by, -1), head.batch_id)
            self.unchecked += sum(gone.values())
        for p, span in kept.items():
            _join(self.torn[p] if torn else self.whole[p], *span)

    def _kept(self, partition: int, span: tuple[int, int], earliest: Mapping[int, int]) -> tuple[int, int]:
        """What the broker still has of a range."""
        end = min(span[1], max(span[0], self.cut.get(partition, span[1])))
        return min(end, max(span[0], earliest.get(partition, end))), end

    def is_lost(self, position: Position) -> bool:
        return position[1] <= self.lost.get(position[0], -1)


def _join(ranges: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a range in front; batches come newest first, so most of them only lengthen the last range."""
    if start >= end:
        return
    if ranges and ranges[-1][0] == end:
        ranges[-1] = start, ranges[-1][1]
    else:
        ranges.append((start, end))


@dataclass
class Tally:
    """Lines counted again: by cell, with the place of the first; rejected ones of whole batches, by reason."""

    cells: Counter[Cell] = field(default_factory=Counter)
    first: dict[Cell, Place] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    lines: int = 0


def recount(store: CountStore, source: Source, rules: Rules, since: int | None = None, until: int | None = None) -> Result:
    """Count again what has landed now; with `since` or `until` (ms), the panes that begin in between.

    Raises UnknownJob, NotRunning (the broker does not answer), Conflict (the counts kept being folded).
    """
    head_of(store, rules.job)
    places = [(t.hour, t.shard) for t in store.hours(rules.job, None if since is None else hour_of(since), until)]
    ranged = since is not None or until is not None
    taken = snapshot(store, rules.job, places)
    seen = landed(taken.head, store.firsts(rules.job))
    stored = _within(_by_cell(cells for cells in taken.cells.values()), since, until)
    plan = _plan(store, source, rules, seen, _touching(store, rules.job, places, seen) if ranged else None)
    tally = _tally(source, rules, plan, since, until)
    unsure = _hours_of(store, rules.job, places, plan) if plan.lost else set()
    stored[REJECTED], tally.cells[REJECTED] = plan.rejected, tally.rejected.total()
    differences = list(_differences(stored, tally, unsure))
    return Result(
        job=rules.job,
        frontier=taken.head.frontier,
        missing=sum(max(0, d.recounted - d.stored) for d in differences),
        doubled=sum(max(0, d.stored - d.recounted) for d in differences),
        late=plan.late,
        rejected=tally.rejected.total(),
        checked_lines=tally.lines,
        unchecked_lines=plan.unchecked,
        gap_lines=plan.left_out,
        rejected_by_reason=dict(tally.rejected),
        differences=tuple(differences[:TOLD]),
    )


def _by_cell(many: Iterable[Mapping[tuple[int, str, str, str], int]]) -> Counter[Cell]:
    """Stored counts without their signatures."""
    cells: Counter[Cell] = Counter()
    for each in many:
        for (pane, service, level, _), n in each.items():
            cells[pane, service, level] += n
    return cells


def _within(cells: Counter[Cell], since: int | None, until: int | None) -> Counter[Cell]:
    return Counter({cell: n for cell, n in cells.items() if _in(cell[0], since, until)})


def _in(pane: int, since: int | None, until: int | None) -> bool:
    return (since is None or pane >= since) and (until is None or pane < until)


def _touching(store: CountStore, job: str, places: Iterable[HourShard], seen: Landed) -> set[Position]:
    """The landed batches that wrote to these hours."""
    return {position for at in places for position, _ in store.hour_totals(job, at) if position in seen}


def _plan(store: CountStore, source: Source, rules: Rules, seen: Landed, only: set[Position] | None) -> Plan:
    """Go through the ledger, newest batch first, and lay out what is to be read."""
    earliest, topic_id = source.earliest_offsets(rules.topic), source.topic_id(rules.topic)
    plan = Plan()
    for head in batches(store, rules.job):
        if head.gap:
            plan.pass_over(head.gap)
        position = head.by, head.batch_id
        if position in seen and (only is None or position in only):
            plan.add(head, earliest, head.topic_id in ("", topic_id))
    return plan


def _tally(source: Source, rules: Rules, plan: Plan, since: int | None, until: int | None) -> Tally:
    tally, parse = Tally(), parser(rules)
    for ranges, whole in ((plan.whole, True), (plan.torn, False)):
        for partition, spans in sorted(ranges.items()):
            for start, end in sorted(spans):
                _count(source, rules, parse, tally, (partition, start, end), whole, since, until)
    return tally


def _count(
    source: Source, rules: Rules, parse: Parse, tally: Tally, span: tuple[int, int, int], whole: bool, since: int | None, until: int | None
) -> None:
    """Count one range. Rejected lines of a torn batch have no number in the ledger to be compared with."""
    pane_ms, cells, first = rules.pane, tally.cells, tally.first
    for record in source.records(rules.topic, *span):
        parsed = parse(record.value, record.append_ms)
        if isinstance(parsed, str):
            if whole:
                tally.rejected[parsed] += 1
                tally.lines += 1
                first.setdefault(REJECTED, (record.partition, record.offset))
            continue
        pane = parsed[0] - parsed[0] % pane_ms
        if _in(pane, since, until):
            cell = pane, service_of(record.key), parsed[1]
            if cell not in cells:
                first[cell] = record.partition, record.offset
            cells[cell] += 1
            tally.lines += 1


def _hours_of(store: CountStore, job: str, places: Iterable[HourShard], plan: Plan) -> set[int]:
    """The hours that lost lines may have been counted in: there, a count that is too high tells nothing."""
    return {at[0] for at in places if any(plan.is_lost(position) for position, _ in store.hour_totals(job, at))}


def _differences(stored: Counter[Cell], tally: Tally, unsure: set[int]) -> Iterator[Difference]:
    for cell in sorted(stored.keys() | tally.cells.keys()):
        have, want = stored[cell], tally.cells[cell]
        if have < want or (have > want and (cell == REJECTED or hour_of(cell[0]) not in unsure)):
            yield Difference(cell, have, want, tally.first.get(cell))
