"""Day roll-ups: the folded hours of a day (UTC) and shard as one sum by service, level and signature.

A roll has the covered position of each hour, so a day is the roll plus the landed deltas after these positions. It is published by
compare-and-set on the row that was read first. Before a sweep deletes deltas that the row does not cover, it empties the row: a roll-up
that slept through that then fails, instead of publishing sums whose later deltas are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from spark_jobs import failpoint
from spark_jobs.counts.cells import DAY_MS
from spark_jobs.protocol.head import Landed, Position
from weir.counts.fold import Outcome, added, by_kind, by_level, seen_landed
from weir.counts.sweep import rolled_at
from weir.errors import NotProven
from weir.ports.counts import CountStore, DayShard, HourShard, Kind, Published, Rolled


@dataclass(frozen=True)
class RolledUp:
    """The result of a roll-up; `lines` is the sum of its roll."""

    outcome: Outcome
    at: DayShard
    lines: int = 0
    kinds: int = 0


def roll_up(store: CountStore, job: str, at: DayShard, roll: str, now_ms: int) -> RolledUp:
    """Roll up the folded hours of a day and shard under the new id `roll`. Raises NotProven if the sums are not the ledger's."""
    old = rolled_at(store, job, at)
    runs = published_hours(store, job, at)
    covers = {hour: run.position for hour, run in runs.items()}
    if not covers or (old is not None and old.covers == covers):
        return RolledUp(Outcome.NOTHING_NEW, at)
    seen = seen_landed(store, job)
    kinds = hours_sum(store, job, at, runs)
    store.put_roll(job, at, roll, old.roll if old else "", kinds)
    failpoint.reach("roll.write")
    found = store.roll_sums(job, at, roll)
    ledger = ledger_until(store, job, at, covers, seen)
    if rolled_at(store, job, at) != old:  # the runs to sum may be deleted already
        return RolledUp(Outcome.OVERTAKEN, at)
    prove(job, at, found, kinds, ledger)
    failpoint.reach("roll.prove")
    swapped = store.publish_roll(job, at, old, Rolled(roll, covers, now_ms))
    failpoint.reach("roll.publish")
    return RolledUp(Outcome.PUBLISHED if swapped else Outcome.OVERTAKEN, at, sum(found.values()), len(found))


def published_hours(store: CountStore, job: str, at: DayShard) -> Mapping[int, Published]:
    """Return the published row of each hour of a day and shard."""
    hours = [t.hour for t in store.hours(job, at[0], at[0] + DAY_MS) if t.shard == at[1]]
    found = {hour: store.published(job, (hour, at[1])) for hour in hours}
    return {hour: run for hour, run in found.items() if run is not None}


def hours_sum(store: CountStore, job: str, at: DayShard, runs: Mapping[int, Published]) -> Mapping[Kind, int]:
    kinds: Counter[Kind] = Counter()
    for hour, published in runs.items():
        kinds.update(hour_sums(store, job, (hour, at[1]), published.run)[0])
    return kinds


def hour_sums(store: CountStore, job: str, at: HourShard, run: str) -> tuple[Mapping[Kind, int], bool]:
    """Return a published run without its panes, and whether that is its roll-up: runs of early releases have none."""
    kinds = store.run_hour(job, at, run)
    return (kinds, True) if kinds else (by_kind(store.run_cells(job, at, run)), False)


def ledger_until(store: CountStore, job: str, at: DayShard, covers: Mapping[int, Position], seen: Landed) -> Mapping[str, int]:
    """Return the ledger's lines by level for the hours of a roll, up to the covered positions."""
    totals = ((until, store.hour_totals(job, (hour, at[1]))) for hour, until in covers.items())
    return added(levels for until, batches in totals for position, levels in batches if position in seen and position <= until)


def prove(job: str, at: DayShard, found: Mapping[Kind, int], hours: Mapping[Kind, int], ledger: Mapping[str, int]) -> None:
    """Raise NotProven unless a roll is the sum of its hours and equals the ledger by level."""
    where, nothing = f"{job}, day {at[0]}, shard {at[1]}", f"Nothing was published. Run: weir recount {job}"
    if dict(found) != dict(hours):
        raise NotProven(f"{where}: rolled up to {sum(found.values())} lines, its hours have {sum(hours.values())}.", nothing)
    if dict(by_level(found)) != dict(ledger):
        raise NotProven(f"{where}: rolled up to {dict(by_level(found))}, the ledger says {dict(ledger)}.", nothing)
