"""The port of the counts kind: what folding, readers and proofs store and read. Implementations must pass tests/contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.counts.deltas import CountingStore as DriverStore
from spark_jobs.protocol.head import Head, Position

Cell = tuple[int, str, str, str]  # pane_start (ms), service, level, signature
Kind = tuple[str, str, str]  # service, level, signature: what a roll-up keeps of a cell
HourShard = tuple[int, int]  # hour (ms), shard
DayShard = tuple[int, int]  # day (ms), shard
NOWHERE: Position = (-1, -1)  # before every position


@dataclass(frozen=True)
class Published:
    """The published row of an hour and shard: the run to read, its last position, and the timestamp up to which deltas may be deleted."""

    run: str
    position: Position
    write_ts: int
    at: int  # ms


@dataclass(frozen=True)
class Rolled:
    """The published row of a day and shard: the roll to read and, by hour (ms), its last position.

    With empty `covers` there is no roll to read: a sweep has deleted, or is about to delete, deltas that its readers would need.
    """

    roll: str
    covers: Mapping[int, Position]
    at: int  # ms


@dataclass(frozen=True)
class Touched:
    """An hour and shard with counts, the newest position that ever wrote to it (landed or not), and when that one was claimed."""

    hour: int
    shard: int
    position: Position
    at: int  # ms


@dataclass(frozen=True)
class FoldNote:
    """A note about an hour and shard: what was published last, and the run whose predecessors were swept. It may be out of date."""

    run: str
    position: Position
    at: int  # ms
    swept: str = ""


class CountStore(DriverStore, Protocol):
    """The store for folds, readers and the supervisor, beyond what drivers need."""

    def create_head(self, head: Head) -> bool:
        """Create a job's first head. Return False if it has one."""

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        """Return for each attempt that noted a first batch: its epoch and that batch."""

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        """Return the hours that batches wrote to, with their start in [since, until), in order."""

    def published(self, job: str, at: HourShard) -> Published | None:
        """Return the published row (serial consistency)."""

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        """Publish a new run if `expected` is still the published row."""

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        """Write a run's cells. `base` is the run that was published when this one was begun, empty for none."""

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        """Read a run's cells back."""

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        """Write a run's hour roll-up."""

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        """Read a run's hour roll-up back; empty for a run that has none."""

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        """Return every run of an hour and shard that was begun and not deleted, with its base."""

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        """Delete a run that can no longer be published, and its hour roll-up."""

    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        """Return the published rows of the days that begin in [since, until) (serial consistency)."""

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        """Publish a new roll if `expected` is still the published row."""

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        """Write a roll. `base` is the roll that was published when this one was begun, empty for none."""

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        """Read a roll back."""

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        """Return every roll that was begun and not deleted, with its base, by day and shard."""

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        """Delete a roll that can no longer be published."""

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        """Return the deltas that still exist, landed or not."""

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        """Delete the deltas written at `write_ts` or before."""

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        """Return the lines by level that each batch, landed or not, wrote to an hour and shard. These rows are never deleted."""

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        """Yield the landed batches, newest first, as heads; with `before`, only older ones. The batch in the head itself may be missing."""

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        """Yield the landed batches after a position, oldest first. The batch in the head itself may be missing."""

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        """Return the landed batches that were claimed in [since, until) (ms), oldest first; of more than `most`, an even sample. Without
        gaps; the batch in the head itself may be missing."""

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        """Return the first batch after a position that wrote to an hour and shard, landed or not."""

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        """Yield the samples of rejected lines, of landed and other batches, newest batch first."""

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        """Return the notes of all hours and shards that were ever folded."""

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        """Write a note about the published row."""

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        """Write a note that this run's predecessors were deleted."""

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        """Store the result of a recount."""

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        """Return results of recounts, newest first."""

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        """Store how far the counts are proven. `write_ts` is that of the batch, so the record that reaches further stays."""

    def proven(self, job: str) -> str | None:
        """Return the stored record of how far the counts are proven."""
