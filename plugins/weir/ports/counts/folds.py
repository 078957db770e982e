"""The port of notes about folding: what was folded last, for whoever looks what there is to fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.protocol.head import Position
from weir.ports.counts.cells import HourShard
from weir.ports.counts.runs import Published


@dataclass(frozen=True)
class FoldNote:
    """A note about an hour and shard: what was published last, and the run whose predecessors were swept. It may be out of date."""

    run: str
    position: Position
    at: int  # ms
    swept: str = ""


class FoldStore(Protocol):
    """The notes of hours and shards that were folded."""

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        """Return the notes of all hours and shards that were ever folded."""

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        """Write a note about the published row."""

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        """Write a note that this run's predecessors were deleted."""
