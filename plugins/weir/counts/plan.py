"""Plan what a recount reads: the offsets of its batches that the broker still has, cut into pieces of work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from spark_jobs.protocol.gap import Gap
from spark_jobs.protocol.head import Head, Landed, Position
from spark_jobs.protocol.partition import Offsets, Partition, identified, labels, sources_of
from weir.counts.progress import batches
from weir.counts.rules import Rules
from weir.errors import WeirError
from weir.ports.counts import CountStore
from weir.ports.source import Source
from weir.supervise.topics import bounds

Chosen = Callable[[Head], bool]
PIECE = 500_000  # lines: a second or two of work, and at most so many cells in a process's memory
NEAR = 10_000  # offsets between two ranges: reading and dropping them is faster than a new start


class Range(NamedTuple):
    """Offsets [start, end) of batches that were counted by the same rules."""

    start: int
    end: int
    whole: bool  # True: the broker has all lines of these batches
    rules: Rules
    arrived_by: int = 0  # as the batches' heads have it


@dataclass(frozen=True)
class Piece:
    """Ranges of one partition, in order and with the same rules, that one worker reads."""

    partition: Partition
    ranges: tuple[Range, ...]
    name: str = ""  # the topic, in a job that may read several

    @property
    def topic(self) -> str:
        return self.name or self.rules.topic

    @property
    def start(self) -> int:
        return self.ranges[0].start

    @property
    def end(self) -> int:
        return self.ranges[-1].end

    @property
    def rules(self) -> Rules:
        return self.ranges[0].rules

    @property
    def committed(self) -> bool:
        """Return whether the batches were read without the records of aborted transactions."""
        return bool(self.ranges[0].arrived_by)

    @property
    def lines(self) -> int:
        return sum(one.end - one.start for one in self.ranges)


@dataclass
class Plan:
    """What a recount reads, and what the ledger says of it."""

    names: Mapping[str, str] = field(default_factory=dict)  # names of existing topics by id, in a job that may read several
    ranges: dict[Partition, list[Range]] = field(default_factory=lambda: defaultdict(list))  # by partition, newest first
    lost: dict[int, int] = field(default_factory=dict)  # by attempt, the last batch of which the broker lacks lines
    cut: dict[Partition, int] = field(default_factory=dict)  # by partition, where the log was truncated after the batches to come
    lines: int = 0  # of all batches
    late: int = 0  # late lines, of whole batches
    rejected: int = 0  # rejected lines and continuations, of whole batches
    unchecked: int = 0  # lines that the broker no longer has
    left_out: int = 0  # lines in gaps
    compacted: frozenset[str] = frozenset()  # ids of compacted topics: lines of any of their batches may have vanished
    vanishing: int = 0  # lines of batches of compacted topics: those that are not found are unchecked

    def pass_over(self, gap: Gap) -> None:
        """Skip a gap, which is in no batch. If it says that the log was truncated, offsets of older batches may have other lines now."""
        self.left_out += gap.lines
        for hole in gap.holes:
            if hole.end < hole.start:
                self.cut[hole.partition] = min(hole.end, self.cut.get(hole.partition, hole.end))

    def add(self, head: Head, rules: Rules, earliest: Offsets) -> None:
        """Add a batch that was counted by these rules, newest first. A partition without `earliest` no longer exists."""
        spans = {p: (head.start.get(p, 0), end) for p, end in head.end.items() if end > head.start.get(p, 0)}
        kept = {p: self._kept(p, span, earliest) for p, span in spans.items()}
        gone = sum(end - start - (kept[p][1] - kept[p][0]) for p, (start, end) in spans.items())
        self.lines += head.totals.lines
        vanishes = any(p.source in self.compacted for p in spans)
        if gone or vanishes:
            self.lost[head.by] = max(self.lost.get(head.by, -1), head.batch_id)
            self.vanishing += head.totals.lines if vanishes else 0
            self.unchecked += 0 if vanishes else min(gone, head.totals.lines)  # not every offset has a line
        else:
            self.late += head.totals.late
            self.rejected += sum(head.totals.rejected.values())
        for p, (start, end) in kept.items():
            _join(self.ranges[p], Range(start, end, not (gone or vanishes), rules, head.arrived_by))

    def _kept(self, partition: Partition, span: tuple[int, int], earliest: Offsets) -> tuple[int, int]:
        """Return the part of a range that the broker still has."""
        end = min(span[1], max(span[0], self.cut.get(partition, span[1])))
        return min(end, max(span[0], earliest.get(partition, end))), end

    def is_lost(self, position: Position) -> bool:
        """Return whether the broker may lack lines of this batch."""
        return position[1] <= self.lost.get(position[0], -1)

    @property
    def places(self) -> list[Partition]:
        """Return the partitions that have ranges, in order."""
        return sorted(self.ranges)

    @property
    def labels(self) -> list[int | str]:
        """Return their labels: the number alone if there is one topic, else `topic/number`."""
        named = labels(self.ranges, self.names)
        return [named[p] if self.names else p.number for p in self.places]

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces, of at most PIECE lines each, by partition and in order of offsets."""
        for partition, ranges in sorted(self.ranges.items()):
            piece: list[Range] = []
            room = PIECE
            for one in _cut(sorted(ranges, key=lambda one: one.start)):
                if piece and (one.end - one.start > room or one.start - piece[-1].end > NEAR or not _alike(one, piece[-1])):
                    yield Piece(partition, tuple(piece), self.names.get(partition.source, ""))
                    piece, room = [], PIECE
                piece.append(one)
                room -= one.end - one.start
            if piece:
                yield Piece(partition, tuple(piece), self.names.get(partition.source, ""))


def plan_of(
    store: CountStore, source: Source, rules: Rules, seen: Landed, chosen: Chosen | None = None, oldest: Position = (-1, -1)
) -> Plan:
    """Plan the chosen batches of those that landed, newest first and down to `oldest`."""
    there = bounds(source, rules.reads)
    earliest = there.earliest
    names = there.names or {there.topic_id: rules.topic}
    plan = Plan(there.names, compacted=frozenset(topic for topic, name in names.items() if _compacted(source, name)))
    for head in batches(store, rules.job):
        position = head.by, head.batch_id
        if position < oldest:
            break
        if head.gap:
            plan.pass_over(head.gap)
        if position in seen and (chosen is None or chosen(head)):
            plan.add(known_by(head, earliest), rules.of_version(head.version), earliest)
    return plan


def _compacted(source: Source, topic: str) -> bool:
    """Return whether a topic is compacted; False if the broker does not say."""
    try:
        return source.retention(topic).compacted
    except WeirError:
        return False


def known_by(head: Head, earliest: Offsets) -> Head:
    """Give a batch of an unknown source the id of the existing topic."""
    sources = sources_of(earliest)
    return replace(head, start=identified(head.start, sources), end=identified(head.end, sources))


def _join(ranges: list[Range], new: Range) -> None:
    """Add a range in front; batches come newest first, so most of them only lengthen the last range."""
    if new.start >= new.end:
        return
    if ranges and ranges[-1].start == new.end and ranges[-1][2:] == new[2:]:
        ranges[-1] = ranges[-1]._replace(start=new.start)
    else:
        ranges.append(new)


def _alike(a: Range, b: Range) -> bool:
    """Return whether the lines of two ranges were read and counted in the same way."""
    return a.rules == b.rules and bool(a.arrived_by) == bool(b.arrived_by)


def _cut(ranges: Iterable[Range]) -> Iterator[Range]:
    for one in ranges:
        for at in range(one.start, one.end, PIECE):
            yield one._replace(start=at, end=min(one.end, at + PIECE))
