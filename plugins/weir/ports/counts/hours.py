"""The port of hours: what batches wrote to each hour and shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.protocol.head import Position
from weir.ports.counts.cells import Cell, HourShard


@dataclass(frozen=True)
class Touched:
    """An hour and shard with counts, the newest position that ever wrote to it (landed or not), and when that one was claimed."""

    hour: int
    shard: int
    position: Position
    at: int  # ms


class HourStore(Protocol):
    """The deltas of batches, landed or not, and the totals of each."""

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        """Return the hours that batches wrote to, with their start in [since, until), in order."""

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        """Return the deltas that still exist, landed or not."""

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        """Delete the deltas written at `write_ts` or before."""

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        """Return the lines by level that each batch, landed or not, wrote to an hour and shard. These rows are never deleted."""

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        """Return the first batch after a position that wrote to an hour and shard, landed or not."""
