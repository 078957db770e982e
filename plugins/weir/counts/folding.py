"""What is to be folded and swept, and doing it: the work of the fold DAG, in pieces that may run anywhere, twice, or at once.

Beside what is published there is a note per hour and shard, so that a look at what is left is one query. A note may be older than what
it stands for; then a fold finds nothing new.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from spark_jobs.contract import HOUR_MS
from weir.cluster.base import CountStore
from weir.cluster.records import HourShard
from weir.counts.fold import Folded, fold, sweep
from weir.errors import NotProven

GRACE_MS = 600_000  # readers that began before a publication are long done
EVERYTHING = 2**62


def pending(store: CountStore, job: str, closed_until: int = EVERYTHING) -> list[HourShard]:
    """Hours and shards whose panes are all closed and that batches wrote to since they were folded; late lines bring old hours back."""
    noted = store.folds(job)
    closed = [t for t in store.hours(job) if t.hour + HOUR_MS <= closed_until]
    places = [((t.hour, t.shard), t.position) for t in closed]
    return [at for at, position in places if at not in noted or position > noted[at].position]


def fold_many(store: CountStore, job: str, places: Iterable[HourShard], now: int) -> list[Folded]:
    """Fold each place; `now` in ms. Raises NotProven at the end if some could not be proven: the others are folded all the same."""
    done: list[Folded] = []
    unproven: list[NotProven] = []
    for at in places:
        try:
            done.append(fold(store, job, at, uuid.uuid4().hex, now))
        except NotProven as error:
            unproven.append(error)
        published = store.published(job, at)
        if published is not None:
            store.put_folded(job, at, published)
    if unproven:
        more = f" And {len(unproven) - 1} more." if len(unproven) > 1 else ""
        raise NotProven(unproven[0].what + more, unproven[0].next_step)
    return done


def sweepable(store: CountStore, job: str, now: int, grace: int = GRACE_MS) -> list[HourShard]:
    """Places whose published run is older than the grace and that still keep what it replaced."""
    return [at for at, note in store.folds(job).items() if note.at <= now - grace and note.swept != note.run]


def sweep_many(store: CountStore, job: str, places: Sequence[HourShard], now: int, grace: int = GRACE_MS) -> int:
    """Delete what was folded; returns how many places were swept."""
    swept = 0
    for at in places:
        published = store.published(job, at)
        if published is not None and published.at <= now - grace:
            sweep(store, job, at, now - grace)
            store.put_swept(job, at, published.run)
            swept += 1
    return swept


def in_batches(places: Sequence[HourShard], size: int) -> list[list[HourShard]]:
    """Slices for mapped tasks, each holding whole hours where it can."""
    return [list(places[i : i + size]) for i in range(0, len(places), size)]
