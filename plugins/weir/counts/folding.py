"""Find and do what is due to be folded, rolled up and swept: the work of the fold DAG, in pieces that may run anywhere, twice, or at once.

Beside each published row there is a note for its hour and shard, so that one query finds what is due. A note may be older than the
published row; then a fold finds nothing new.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, day_of
from spark_jobs.protocol.head import Position
from weir.counts.fold import Candidate, Folded, Gate, Outcome, not_published, prepare, publish
from weir.counts.rollup import RolledUp, roll_up
from weir.counts.sweep import covered, sweep
from weir.errors import NotProven
from weir.ports.counts import CountStore, DayShard, FoldNote, HourShard, Touched

GRACE_MS = 600_000  # readers that began before a publication have ended by then
EVERYTHING = 2**62
HELD = 200_000  # cells that wait for the gate at once: some 100 MB; checking them costs little more than checking one


def pending(store: CountStore, job: str, closed_until: int = EVERYTHING) -> list[HourShard]:
    """Return hours and shards whose panes are all closed and that batches wrote to since they were folded, also by late lines."""
    return [(t.hour, t.shard) for t in unfolded(store.hours(job), store.folds(job), closed_until)]


def unfolded(touched: Iterable[Touched], notes: Mapping[HourShard, FoldNote], closed_until: int) -> list[Touched]:
    return [t for t in touched if t.hour + HOUR_MS <= closed_until and not _is_folded(notes, (t.hour, t.shard), t.position)]


def _is_folded(notes: Mapping[HourShard, FoldNote], at: HourShard, position: Position) -> bool:
    return at in notes and notes[at].position >= position


def fold_many(store: CountStore, job: str, places: Iterable[HourShard], now: int, gate: Gate | None = None) -> list[Folded]:
    """Fold each hour and shard; `now` in ms. The gate checks many runs at once.

    Raises NotProven at the end if some could not be proven or were refused; the others are published.
    """
    done: list[Folded] = []
    unproven: list[NotProven] = []
    for ready in _prepared(store, job, places, now, done, unproven):
        refused = gate(ready) if gate else {}
        for candidate in ready:
            if candidate.at in refused:
                unproven.append(not_published(job, candidate.at, refused[candidate.at]))
            else:
                done.append(publish(store, candidate))
                _note(store, job, candidate.at)
    raise_first(unproven)
    return done


def _prepared(
    store: CountStore, job: str, places: Iterable[HourShard], now: int, done: list[Folded], unproven: list[NotProven]
) -> Iterator[list[Candidate]]:
    """Yield groups of runs that are ready to be published. Places without one go to `done` or `unproven`."""
    ready: list[Candidate] = []
    for at in places:
        try:
            made = prepare(store, job, at, uuid.uuid4().hex, now)
        except NotProven as error:
            unproven.append(error)
            continue
        if isinstance(made, Outcome):
            done.append(Folded(made, at))
            _note(store, job, at)
            continue
        ready.append(made)
        if sum(len(candidate.cells) for candidate in ready) >= HELD:
            yield ready
            ready = []
    if ready:
        yield ready


def _note(store: CountStore, job: str, at: HourShard) -> None:
    published = store.published(job, at)
    if published is not None:
        store.put_folded(job, at, published)


def raise_first(unproven: Sequence[NotProven]) -> None:
    """Raise the first error, with the number of further ones."""
    if unproven:
        more = f" And {len(unproven) - 1} more." if len(unproven) > 1 else ""
        raise NotProven(unproven[0].what + more, unproven[0].next_step)


def pending_days(store: CountStore, job: str, closed_until: int = EVERYTHING) -> list[DayShard]:
    """Return closed days and shards whose hours are all folded, and that batches wrote to since they were rolled up."""
    notes, rows = store.folds(job), store.rolled(job)
    days: defaultdict[DayShard, list[Touched]] = defaultdict(list)
    for t in store.hours(job):
        days[day_of(t.hour), t.shard].append(t)
    closed = [
        (at, hours) for at, hours in sorted(days.items()) if at[0] + DAY_MS <= closed_until and not unfolded(hours, notes, EVERYTHING)
    ]
    return [at for at, hours in closed if not all(covered(rows.get(at), t.hour, t.position) for t in hours)]


def roll_up_many(store: CountStore, job: str, days: Iterable[DayShard], now: int) -> list[RolledUp]:
    """Roll up each day and shard; `now` in ms. Raises NotProven at the end if some could not be proven; the others are published."""
    done: list[RolledUp] = []
    unproven: list[NotProven] = []
    for at in days:
        try:
            done.append(roll_up(store, job, at, uuid.uuid4().hex, now))
        except NotProven as error:
            unproven.append(error)
    raise_first(unproven)
    return done


def sweepable(store: CountStore, job: str, now: int, grace: int = GRACE_MS) -> list[HourShard]:
    """Return hours and shards whose published run is older than the grace period and whose replaced data is not deleted yet."""
    return [at for at, note in store.folds(job).items() if note.at <= now - grace and note.swept != note.run]


def sweep_many(store: CountStore, job: str, places: Sequence[HourShard], now: int, grace: int = GRACE_MS) -> int:
    """Delete folded deltas and replaced runs. Return how many hours and shards were swept."""
    swept = 0
    for at in places:
        published = store.published(job, at)
        if published is not None and published.at <= now - grace:
            sweep(store, job, at, now - grace)
            store.put_swept(job, at, published.run)
            swept += 1
    return swept


def in_batches(places: Sequence[HourShard], size: int) -> list[list[HourShard]]:
    """Yield slices for mapped tasks, each with whole hours or days if possible."""
    return [list(places[i : i + size]) for i in range(0, len(places), size)]
