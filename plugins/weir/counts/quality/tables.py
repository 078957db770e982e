"""Gather the rows that expectations are checked on: counts of closed panes, the ledger, hours against the ledger, freshness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from spark_jobs.counts.cells import HOUR_MS, hour_of
from spark_jobs.protocol.gap import accounts_for
from spark_jobs.protocol.head import Head, Landed, Offsets, Position, landed, with_joined
from weir.counts.closed import closed_until
from weir.counts.progress import batches, head_of
from weir.counts.quality.left_out import left_out
from weir.counts.quality.rollups import rollups
from weir.counts.read import Snapshot, snapshot
from weir.counts.rules import Rules
from weir.ports.counts import CountStore, HourShard
from weir.ports.source import Source
from weir.supervise.judge.epoch_start import Bounds
from weir.supervise.topics import bounds, ends_for

Row = dict[str, Any]
PLACES = 96  # hours and shards of one validation: with 4 shards, the 24 hours that were written to last
BATCHES = 20_000  # rows of the ledger: some hours of them


@dataclass(frozen=True)
class Tables:
    """Rows by table. `closed` is the time (ms) up to which panes are closed."""

    counts: Sequence[Row]
    ledger: Sequence[Row]
    hours: Sequence[Row]
    rollups: Sequence[Row]
    freshness: Sequence[Row]
    closed: int
    span: tuple[int | None, int | None] = (None, None)  # from the first hour to the end of the last (ms)

    def by_name(self) -> Mapping[str, Sequence[Row]]:
        return {name: getattr(self, name) for name in ("counts", "ledger", "hours", "rollups", "freshness")}


def gather(store: CountStore, source: Source, rules: Rules, since: int | None, until: int | None, now: int) -> Tables:
    """Read all tables at one moment, for the hours that begin in [since, until) or were written to last. Raises UnknownJob, NotRunning.

    The order matters while a stream writes. The ledger is read as of a head from before the hours are listed, so the hours contain all that
    its batches wrote; the hours, with their counts, as of a head from after.
    """
    head = head_of(store, rules.job)
    ends = ends_for(source, head, rules.reads)
    seen = landed(head, store.firsts(rules.job))
    places, known = _places(store, rules.job, since, until)
    taken = snapshot(store, rules.job, places)
    closed = closed_until(taken.head, rules, ends, now)
    noted = _noted(store, rules.job, taken)
    heads = list(islice(batches(store, rules.job, head), BATCHES))
    return Tables(
        counts=list(_counts(taken, rules, closed)),
        ledger=list(_ledger(heads, seen, noted.lines, known, left_out(source, rules, [h for h in heads if (h.by, h.batch_id) in seen]))),
        hours=list(_hours(taken, noted)),
        rollups=list(rollups(store, rules.job, places)),
        freshness=[_freshness(source, rules, head.frontier, ends, now)],
        closed=closed,
        span=(min(hour for hour, _ in places), max(hour for hour, _ in places) + HOUR_MS) if places else (since, until),
    )


def _places(store: CountStore, job: str, since: int | None, until: int | None) -> tuple[list[HourShard], Position]:
    """Return the places of the span, else those written to last, since late lines bring old hours back; and the position after which
    batches wrote to no other hours."""
    touched = sorted(store.hours(job, None if since is None else hour_of(since), until), key=lambda t: t.position)
    if since is None and until is None:
        known = touched[-PLACES - 1].position if len(touched) > PLACES else (-1, -1)
        touched = touched[-PLACES:]
    else:
        known = (2**62, 0)
    return sorted((t.hour, t.shard) for t in touched), known


@dataclass
class Noted:
    """The lines that landed batches recorded, by place and level, and by batch."""

    levels: dict[HourShard, Counter[str]]
    lines: Counter[Position]


def _noted(store: CountStore, job: str, taken: Snapshot) -> Noted:
    seen = landed(taken.head, store.firsts(job))
    noted = Noted({at: Counter() for at in taken.cells}, Counter())
    for at, levels in noted.levels.items():
        for position, noted_levels in store.hour_totals(job, at):
            if position in seen:
                levels.update(noted_levels)
                noted.lines[position] += sum(noted_levels.values())
    return noted


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


def _ledger(
    heads: Iterable[Head], seen: Landed, in_hours: Mapping[Position, int], known: Position, left: Mapping[Position, int | None]
) -> Iterable[Row]:
    """Yield the landed batches, newest first.

    `gap` is how many offsets lie between a batch and the one before it, overlaps counted too. `in_hours` is how many of its lines the hours
    have, None for a batch that may have written to hours that were not read.
    """
    younger: Row | None = None
    follower: Head | None = None
    looked_at = 0
    for head in heads:
        looked_at += 1
        position = head.by, head.batch_id
        if position not in seen and head.gap is None and follower is not None:
            continue  # it never landed: the head was restored from a backup
        if younger is not None and follower is not None:
            yield {**younger, "gap": _gap(head, follower)}
        younger, follower = None, head
        if position in seen or head.gap is not None:
            hours = in_hours.get(position, 0) if position > known else None
            younger = {**_batch(head), "left_out": left.get(position, 0), "in_hours": hours}
    if younger is not None and follower is not None:
        first = min((attempt, span[0]) for attempt, span in seen.spans.items())
        yield {**younger, "gap": int(looked_at < BATCHES and (follower.by, follower.batch_id) != first)}


def _batch(head: Head) -> Row:
    totals = head.totals
    levels = sum(totals.levels.values())
    return {
        "attempt": head.by,
        "batch_id": head.batch_id,
        "lines": totals.lines,
        "counted": levels + sum(totals.rejected.values()),
        "over": max(0, totals.lines - head.batch.offsets),
        "late": totals.late,
        "least": min([0, *totals.levels.values(), *totals.rejected.values()]),
        "levels": levels,
    }


def _gap(before: Head, after: Head) -> int:
    """Return how many offsets lie between two rows and in no gap, overlaps counted too; at least 1 if something is unaccounted for."""
    last = after.batch_id - 1 if after.epoch == before.epoch else after.epoch_ends[before.epoch - 1]
    follows = before.batch_id == last
    if follows and accounts_for(after.gap, with_joined(before.end, after), after.start):
        return 0
    partitions = before.end.keys() | after.start.keys()
    return sum(abs(after.start.get(p, 0) - before.end.get(p, 0)) for p in partitions) or 1


def _hours(taken: Snapshot, noted: Noted) -> Iterable[Row]:
    """Yield for each hour, shard and level: what readers get, and what the landed batches recorded."""
    for at, cells in taken.cells.items():
        counted: Counter[str] = Counter()
        for (_, _, level, _), n in cells.items():
            counted[level] += n
        for level in sorted(counted.keys() | noted.levels[at].keys()):
            yield {"hour": at[0], "shard": at[1], "level": level, "counted": counted[level], "ledger": noted.levels[at][level]}


def _freshness(source: Source, rules: Rules, frontier: Offsets, ends: Offsets, now: int) -> Row:
    """Return how long (s) the oldest waiting line has been in the broker; 0 if none waits.

    The time of the last landing does not matter: after a quiet night the first line has not waited at all.
    """
    waiting = {p: end for p, end in ends.items() if end > frontier.get(p, 0)}
    there = bounds(source, rules.reads) if waiting else Bounds({}, {})
    begins = {p: max(frontier.get(p, 0), there.earliest.get(p, 0)) for p in waiting}
    topics = {p: there.names.get(p.source, rules.topic) for p in waiting}
    firsts = (next(source.records(topics[p], p.number, begins[p], end), None) for p, end in waiting.items())
    since = min((record.append_ms for record in firsts if record is not None), default=now)
    return {"lag": sum(end - frontier.get(p, begins[p]) for p, end in waiting.items()), "waiting_s": max(0, now - since) / 1000}
