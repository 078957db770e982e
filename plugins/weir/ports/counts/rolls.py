"""The port of rolls: what rolling up makes of the runs of a day and shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.protocol.head import Position
from weir.ports.counts.cells import DayShard, Kind


@dataclass(frozen=True)
class Rolled:
    """The published row of a day and shard: the roll to read and, by hour (ms), its last position.

    With empty `covers` there is no roll to read: a sweep has deleted, or is about to delete, deltas that its readers would need.
    """

    roll: str
    covers: Mapping[int, Position]
    at: int  # ms


class RollStore(Protocol):
    """The rolls of days and shards, and which one is read."""

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
