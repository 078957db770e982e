"""The port of the counts kind: what folding, readers and proofs keep and ask for. Implementations are held to tests/contract."""

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
    """Where an hour and shard is folded to: the run to read, the last position in it, and the timestamp up to which deltas may go."""

    run: str
    position: Position
    write_ts: int
    at: int  # ms


@dataclass(frozen=True)
class Rolled:
    """Where a day and shard is rolled up to: the roll to read and, by hour (ms), the last position in it.

    With empty `covers` there is no roll to read: a sweep has deleted, or is about to delete, deltas that a reader of it would need.
    """

    roll: str
    covers: Mapping[int, Position]
    at: int  # ms


@dataclass(frozen=True)
class Touched:
    """An hour and shard that has counts, the youngest position that ever wrote to it (landed or not), and when that one was claimed."""

    hour: int
    shard: int
    position: Position
    at: int  # ms


@dataclass(frozen=True)
class FoldNote:
    """What was published last for an hour and shard, and the run whose forerunners were swept. A hint: it may be older than the truth."""

    run: str
    position: Position
    at: int  # ms
    swept: str = ""


class CountStore(DriverStore, Protocol):
    """What fold, readers and the supervisor need of the store beside what drivers need."""

    def create_head(self, head: Head) -> bool:
        """Make a job's first head; False if it has one."""

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        """For each attempt that set out to claim: its epoch and first batch."""

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        """The hours that were touched, their start in [since, until), in order."""

    def published(self, job: str, at: HourShard) -> Published | None:
        """What readers should read (serial consistency)."""

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        """Point readers to a new run if `expected` is still what they read."""

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        """Write a run's cells. `base` is the run that was published when this one was begun, empty for none."""

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        """A run's cells, read back."""

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        """Write a run's hour roll-up."""

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        """A run's hour roll-up, read back; empty for a run that has none."""

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        """Every run of an hour and shard that was begun and not deleted, with its base."""

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        """Forget a run that nobody can publish any more, and its hour roll-up."""

    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        """What readers of days should read, of the days that begin in [since, until) (serial consistency)."""

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        """Point readers to a new roll if `expected` is still what they read."""

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        """Write a roll. `base` is the roll that was published when this one was begun, empty for none."""

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        """A roll, read back."""

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        """Every roll that was begun and not deleted, with its base, by day and shard."""

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        """Forget a roll that nobody can publish any more."""

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        """The deltas that are still there, landed or not."""

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        """Delete the deltas written at `write_ts` or before."""

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        """Lines by level that each batch, landed or not, wrote to an hour and shard. Never deleted."""

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        """The landed batches, newest first, as the heads that they were; with `before`, older ones only. The batch in the head itself may
        be missing."""

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        """The landed batches after a position, oldest first. The batch in the head itself may be missing."""

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        """The landed batches that were claimed in [since, until) (ms), oldest first: of more than `most`, some that are spread evenly. The
        batch in the head itself may be missing, and gaps are."""

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        """The first batch after a position that wrote to an hour and shard, landed or not."""

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        """The samples of rejected lines, of landed batches or not, newest batch first."""

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        """The notes of all hours and shards that were ever folded."""

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        """Note what is published."""

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        """Note that what this run replaced was deleted."""

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        """Keep what a recount found."""

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        """What recounts found, newest first."""

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        """Keep how far the counts are proven; `write_ts` is that of the batch: what reaches further stays, whichever is written last."""

    def proven(self, job: str) -> str | None:
        """How far the counts are proven, as it was kept for the latest batch."""
