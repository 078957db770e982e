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
    """What was published last for an hour and shard, and the run whose forerunners were swept. A hint: it may be older than the truth."""

    run: str
    position: Position
    at: int  # ms
    swept: str = ""


class FoldStore(Protocol):
    """The notes of hours and shards that were folded."""

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        """The notes of all hours and shards that were ever folded."""

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        """Note what is published."""

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        """Note that what this run replaced was deleted."""
