"""The port of runs: what folding makes of the deltas of an hour and shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.protocol.head import Position
from weir.ports.counts.cells import Cell, HourShard, Kind


@dataclass(frozen=True)
class Published:
    """The published row of an hour and shard: the run to read, its last position, and the timestamp up to which deltas may be deleted."""

    run: str
    position: Position
    write_ts: int
    at: int  # ms


class RunStore(Protocol):
    """The runs of hours and shards, and which one is read."""

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
