"""Read exact counts while the stream, folds, roll-ups and deletions continue.

Readers read the published row, the head, the sums and the deltas after them, and then the published row again: if it changed, deltas or
runs that they needed may be gone, and they start over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, day_of
from spark_jobs.protocol.head import Head, Landed, Position, landed
from weir.counts import restored
from weir.counts.fold import sums
from weir.counts.rollup import hour_sums
from weir.errors import Conflict, UnknownJob
from weir.ports.counts import NOWHERE, Cell, CountStore, DayShard, HourShard, Kind, Published, Rolled, Touched

TRIES = 50  # a try fails only if a fold publishes in between; folds of one partition are minutes apart
Hours = Callable[[], Sequence[Touched]]  # the requested hours in their present state


class Grain(IntEnum):
    """The grain of an answer's cells, in ms: coarser cells begin at the hour or the day. Panes have no length here."""

    PANE = 1
    HOUR = HOUR_MS
    DAY = DAY_MS


@dataclass(frozen=True)
class Snapshot:
    """The counts of some hours and shards as of one head: exactly the landed batches up to it, for all of them alike."""

    head: Head
    cells: Mapping[HourShard, Mapping[Cell, int]]


@dataclass(frozen=True)
class Reading:
    """The counts of a span as of one head, at a grain. `days`, `hours` and `panes` say which roll-ups and runs were read."""

    head: Head
    cells: dict[HourShard, Counter[Cell]] = field(default_factory=dict)
    days: set[DayShard] = field(default_factory=set)
    hours: set[HourShard] = field(default_factory=set)
    panes: set[HourShard] = field(default_factory=set)
    deltas: set[HourShard] = field(default_factory=set)

    @property
    def sentence(self) -> str:
        """`2 days from day roll-ups, 5 hours from panes; deltas of 4 hours and shards`."""
        named = (("day", self.days, "day roll-ups"), ("hour", self.hours, "hour roll-ups"), ("hour", self.panes, "panes"))
        found = [(len({start for start, _ in places}), unit, source) for unit, places, source in named if places]
        folded = ", ".join(f"{n} {unit}{'s' if n > 1 else ''} from {source}" for n, unit, source in found)
        return f"{folded or 'nothing from folded sums'}; deltas of {len(self.deltas)} hours and shards"


def snapshot(store: CountStore, job: str, places: Iterable[HourShard]) -> Snapshot:
    """Read hours and shards, by panes, at one moment. Raises UnknownJob, NotProven (the head was restored), or Conflict
    if folds kept publishing in between."""
    wanted = set(places)
    since, until = min(wanted, default=(0, 0))[0], max(wanted, default=(0, 0))[0] + 1
    taken = _read(store, job, lambda: [t for t in store.hours(job, since, until) if (t.hour, t.shard) in wanted], Grain.PANE)
    return Snapshot(taken.head, {at: taken.cells.get(at, {}) for at in sorted(wanted)})


def as_of(store: CountStore, job: str, at: HourShard, seen: Landed) -> Mapping[Cell, int] | None:
    """Return the counts of one hour and shard as of the head of `seen`, for callers that cannot keep all hours in memory.

    None if a fold has published beyond that head. Raises Conflict if folds kept publishing in between.
    """
    for _ in range(TRIES):
        published = store.published(job, at)
        if published is not None and (seen.newest is None or published.position > seen.newest):
            return None
        cells = sums(store, job, at, published, seen)
        if store.published(job, at) == published:
            return cells
    raise Conflict(f"The counts of {job} were folded repeatedly while they were read.", "Try again.")


def read(store: CountStore, job: str, at: HourShard) -> Mapping[Cell, int]:
    """Return the exact counts of one hour and shard."""
    return snapshot(store, job, [at]).cells[at]


def read_span(store: CountStore, job: str, since: int | None, until: int | None, grain: Grain) -> Reading:
    """Read all hours that begin in [since, until) at one moment, from roll-ups where there are any and the grain allows.

    Both ends must be multiples of the grain. Raises as `snapshot` does.
    """
    return _read(store, job, lambda: store.hours(job, since, until), grain)


def _read(store: CountStore, job: str, hours: Hours, grain: Grain) -> Reading:
    for _ in range(TRIES):
        view = _look(store, job, _places(hours()), grain)
        head = store.head(job)
        if head is None:
            raise UnknownJob(f"{job} has not been deployed yet.", f"Run: weir deploy {job}")
        seen = landed(head, store.firsts(job))
        touched = {(t.hour, t.shard): t.position for t in hours()}  # after the head: a batch notes its hours before it lands
        if touched.keys() == view.places:
            reading = Reading(head)
            _fill(reading, _Later(store, job, seen, touched, grain), view)
            if _look(store, job, view.places, grain) == view:
                return reading
    raise Conflict(f"The counts of {job} were folded repeatedly while they were read.", "Try again, or ask for fewer hours.")


def _places(hours: Iterable[Touched]) -> set[HourShard]:
    return {(t.hour, t.shard) for t in hours}


@dataclass(frozen=True)
class View:
    """The published rows of some places: the rolled-up days, and the runs of hours outside of those."""

    places: Collection[HourShard]
    rolled: Mapping[DayShard, Rolled]
    published: Mapping[HourShard, Published | None]


def _look(store: CountStore, job: str, places: Collection[HourShard], grain: Grain) -> View:
    days = {(day_of(hour), shard) for hour, shard in places}
    rolled: Mapping[DayShard, Rolled] = {}
    if days and grain is Grain.DAY:
        found = store.rolled(job, min(days)[0], max(days)[0] + 1)
        rolled = {at: row for at, row in found.items() if at in days and row.covers}
    rest = [at for at in sorted(places) if (day_of(at[0]), at[1]) not in rolled]
    return View(places, rolled, {at: store.published(job, at) for at in rest})


@dataclass(frozen=True)
class _Later:
    """Reads what landed after a sum was published."""

    store: CountStore
    job: str
    seen: Landed
    touched: Mapping[HourShard, Position]
    grain: Grain

    def after(self, at: HourShard, position: Position) -> Iterator[tuple[Cell, int]]:
        for written, (pane, *kind), n in self.store.deltas(self.job, at):
            if written > position and written in self.seen:
                start = pane if self.grain is Grain.PANE else pane - pane % self.grain
                yield (start, kind[0], kind[1], kind[2]), n


def _fill(reading: Reading, later: _Later, view: View) -> None:
    for day, row in view.rolled.items():
        reading.days.add(day)
        reading.cells[day] = _at(day[0], later.store.roll_sums(later.job, day, row.roll))
        for at in view.places:
            if (day_of(at[0]), at[1]) == day:
                _add(reading, later, reading.cells[day], at, row.covers.get(at[0], NOWHERE))
    for at, published in view.published.items():
        reading.cells[at] = _folded(reading, later, at, published) if published else Counter()
        _add(reading, later, reading.cells[at], at, published.position if published else NOWHERE)


def _folded(reading: Reading, later: _Later, at: HourShard, published: Published) -> Counter[Cell]:
    if later.grain is Grain.PANE:
        reading.panes.add(at)
        return Counter(later.store.run_cells(later.job, at, published.run))
    kinds, from_roll_up = hour_sums(later.store, later.job, at, published.run)
    (reading.hours if from_roll_up else reading.panes).add(at)
    return _at(at[0] - at[0] % later.grain, kinds)


def _at(start: int, kinds: Mapping[Kind, int]) -> Counter[Cell]:
    return Counter({(start, *kind): n for kind, n in kinds.items()})


def _add(reading: Reading, later: _Later, cells: Counter[Cell], at: HourShard, position: Position) -> None:
    """Add the deltas after a position, if a batch wrote after it. Raises NotProven if the head was restored."""
    restored.refuse(later.job, at, position, later.seen)
    if later.touched[at] > position:
        reading.deltas.add(at)
        for cell, n in later.after(at, position):
            cells[cell] += n
