"""Compare roll-ups with their sources, as rows for an expectation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from spark_jobs.counts.cells import day_of
from weir.counts.fold import by_kind, by_level, seen_landed
from weir.counts.rollup import ledger_until
from weir.counts.sweep import rolled_at
from weir.ports.counts import CountStore, HourShard, Kind

Row = dict[str, Any]


def rollups(store: CountStore, job: str, places: Collection[HourShard]) -> Iterator[Row]:
    """Yield for each roll-up of these hours and their days, and level: the stored and the expected sum."""
    yield from _hour_rollups(store, job, places)
    yield from _day_rollups(store, job, places)


def _hour_rollups(store: CountStore, job: str, places: Iterable[HourShard]) -> Iterable[Row]:
    """Yield for each published run with a roll-up, and level: the roll-up's and the run's sum."""
    for at in places:
        published = store.published(job, at)
        rolled = store.run_hour(job, at, published.run) if published else {}
        cells = store.run_cells(job, at, published.run) if published else {}
        if rolled and store.published(job, at) == published:  # otherwise its run may be deleted already
            yield from _by_level("hour", at, rolled, by_kind(cells))


def _day_rollups(store: CountStore, job: str, places: Iterable[HourShard]) -> Iterable[Row]:
    """Yield for each rolled-up day and shard, and level: the roll's sum, and the ledger's for its hours up to the covered positions."""
    for at in sorted({(day_of(hour), shard) for hour, shard in places}):
        row = rolled_at(store, job, at)
        if row is None or not row.covers:
            continue
        kinds, noted = store.roll_sums(job, at, row.roll), ledger_until(store, job, at, row.covers, seen_landed(store, job))
        if rolled_at(store, job, at) == row:
            yield from _by_level("day", at, kinds, {("", level, ""): n for level, n in noted.items()})


def _by_level(of: str, at: tuple[int, int], rolled: Mapping[Kind, int], folded: Mapping[Kind, int]) -> Iterable[Row]:
    had, have = Counter(by_level(rolled)), Counter(by_level(folded))
    for level in sorted(had.keys() | have.keys()):
        yield {"of": of, "start": at[0], "shard": at[1], "level": level, "rolled": had[level], "folded": have[level]}
