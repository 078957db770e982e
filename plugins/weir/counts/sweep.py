"""Delete replaced data: deltas and runs that a published run replaced, rolls that a published roll replaced."""

from __future__ import annotations

import uuid

from spark_jobs import failpoint
from spark_jobs.counts.cells import day_of
from spark_jobs.protocol.head import Position
from weir.ports.counts import NOWHERE, CountStore, DayShard, HourShard, Published, Rolled, RollStore


def sweep(store: CountStore, job: str, at: HourShard, keep_since_ms: int) -> int:
    """Delete what the published run replaced, if it was published at or before `keep_since_ms`. Returns the number of runs deleted.

    A run may be deleted only when nothing can publish it any more: when the row that was published at its beginning has been replaced. A
    fold that slept through all of this then fails its compare-and-set, instead of publishing an empty run. The runs are listed before the
    published row is read: otherwise a sweep that sleeps in between would delete runs that were begun on a newer published row than it
    knows.
    """
    begun = store.runs(job, at)
    current = store.published(job, at)
    if current is None or current.at > keep_since_ms:
        return 0
    uncover(store, job, at, current)
    failpoint.reach("sweep.day")
    store.delete_deltas(job, at, current.write_ts)
    failpoint.reach("sweep.deltas")
    dead = [run for run, base in begun.items() if run != current.run and base != current.run]
    for run in dead:
        store.delete_run(job, at, run)
        failpoint.reach("sweep.run")
    return len(dead)


def uncover(store: CountStore, job: str, at: HourShard, current: Published) -> None:
    """Before deltas of an hour go, empty the row of its day if that does not cover them.

    A reader of the old roll, and a roll-up from an older run, need these deltas: the reader reads the row again and starts over, the
    roll-up fails its compare-and-set. This also applies if the day has no row yet: a roll-up may be running.
    """
    day = day_of(at[0]), at[1]
    while not covered(row := rolled_at(store, job, day), at[0], current.position):
        if store.publish_roll(job, day, row, Rolled(uuid.uuid4().hex, {}, current.at)):
            return


def covered(row: Rolled | None, hour: int, position: Position) -> bool:
    """Return whether the roll covers an hour up to a position."""
    return row is not None and row.covers.get(hour, NOWHERE) >= position


def rolled_at(store: RollStore, job: str, at: DayShard) -> Rolled | None:
    """Return the row of one day and shard."""
    return store.rolled(job, at[0], at[0] + 1).get(at)


def sweep_rolls(store: RollStore, job: str, keep_since_ms: int) -> int:
    """Delete the rolls that published ones replaced, of all days, if that was at or before `keep_since_ms`. Returns their number.

    The same rule as for runs, in the same order: a roll may be deleted when the row that was published at its beginning has been replaced.
    """
    listed, dead = store.rolls(job), 0
    rows = store.rolled(job)
    for at, begun in listed.items():
        row = rows.get(at)
        if row is None or row.at > keep_since_ms:
            continue
        for roll in (roll for roll, base in begun.items() if roll != row.roll and base != row.roll):
            store.delete_roll(job, at, roll)
            failpoint.reach("sweep.roll")
            dead += 1
    return dead
