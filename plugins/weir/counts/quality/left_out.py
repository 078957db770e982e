"""Count what a batch left out of its offsets: on a topic with transactions or compaction, not every offset has a line."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from spark_jobs.protocol.head import Head, Position
from weir.counts.plan import Piece, Plan, known_by
from weir.counts.rules import Rules
from weir.ports.source import Source
from weir.supervise.topics import bounds

MOST = 200_000  # offsets that are read again: a second of work


def left_out(source: Source, rules: Rules, heads: Iterable[Head]) -> Mapping[Position, int | None]:
    """Return by position how many lines of its offsets a batch did not count.

    That is 0 if it has as many lines as offsets. The newest of the others are read again; None: not read again, or the broker no longer
    has all of them. Raises NotRunning.
    """
    heads = list(heads)
    found: dict[Position, int | None] = {(head.by, head.batch_id): None if _skipped(head) else 0 for head in heads}
    chosen = list(_newest(head for head in heads if _skipped(head)))
    if not chosen:
        return found
    there = bounds(source, rules.reads)
    plan = Plan(there.names)
    for head in chosen:
        plan.add(known_by(head, there.earliest), rules, there.earliest)
    records = _records(source, plan, chosen)
    for head in chosen:
        position = head.by, head.batch_id
        if not plan.is_lost(position):
            found[position] = max(0, records[position] - head.totals.lines)
    return found


def _skipped(head: Head) -> int:
    return head.batch.offsets - head.totals.lines if head.has_batch else 0


def _newest(heads: Iterable[Head]) -> Iterator[Head]:
    room = MOST
    for head in heads:
        room -= head.batch.offsets
        if room < 0:
            return
        yield head


def _records(source: Source, plan: Plan, heads: Iterable[Head]) -> Counter[Position]:
    """Return how many records the broker has in the offsets of each batch."""
    found: Counter[Position] = Counter()
    for piece in plan.pieces():
        starts = sorted(
            (head.start.get(p, 0), (head.by, head.batch_id))
            for head in heads
            for p in head.end
            if p.number == piece.partition.number and p.source in ("", piece.partition.source)
        )
        for offset in _offsets(source, piece):
            found[starts[bisect_right(starts, (offset, (2**62, 0))) - 1][1]] += 1
    return found


def _offsets(source: Source, piece: Piece) -> Iterator[int]:
    """Yield the offsets of the records in the ranges of a piece."""
    records = source.records(piece.topic, piece.partition.number, piece.start, piece.end, piece.committed)
    return (record.offset for record in records if any(one.start <= record.offset < one.end for one in piece.ranges))
