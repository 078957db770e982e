"""What the protocol asks of the sink of a landed job, and what a sink answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from spark_jobs.protocol.head import Head

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SinkAhead(Exception):
    """The sink holds a batch that the head does not know: the head was restored from an older copy, or another job writes to the target."""


class SinkBehind(Exception):
    """The sink lacks a batch that has landed: it was restored from an older copy, or emptied."""


class NotDeterministic(Exception):
    """A batch was evaluated again, and came to other rows than before. Nothing of the second evaluation was written."""


@dataclass(frozen=True)
class Held:
    """The last batch that a sink holds, as its fence says."""

    epoch: int
    attempt: int  # the highest attempt that raised the fence
    batch_id: int  # of that epoch; -1: none


@dataclass(frozen=True)
class Digest:
    """What identifies the rows of an evaluated batch, in any order."""

    rows: int
    value: str  # the sum of 64-bit hashes of the rows modulo 2**64, as hex


class LandedSink(Protocol):
    """The destination of a landed job's batches."""

    def fence(self, head: Head) -> Held | None:
        """Raise the fence for the head's attempt: from here on no older attempt can change the sink.

        Return what the sink holds; None if it cannot know (Cassandra, Parquet). Raises Superseded if a later attempt has raised it,
        SinkAhead if it holds batches that the head does not know (a restored store).
        """

    def write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        """Write the claimed batch. May be repeated with the same rows by a later attempt. Raises Superseded if fenced."""

    def landed(self, head: Head) -> None:
        """Publish the landed batch of this head, where landing is not enough. May be repeated; also called at a start."""

    def rehearse(self, job: str) -> None:
        """Reach every target that `write` writes to, and change nothing that is ever read. May be repeated."""
