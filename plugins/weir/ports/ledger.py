"""The port of the ledger: every batch that landed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from spark_jobs.protocol.head import Head, Position
from weir.ports.heads import HeadStore


class LedgerStore(Protocol):
    """The landed batches of each job, as the heads that they were, and its gaps."""

    def put_ledger(self, head: Head) -> None:
        """Keep the landed batch of this head, or its gap, in the ledger."""

    def ledger_batch(self, job: str, epoch: int, batch_id: int) -> Head | None:
        """Return a landed batch, as the head that it was; None if it is not in the ledger."""

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        """Yield the landed batches, newest first, as heads; with `before`, only older ones. The batch in the head itself may be missing."""

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        """Yield the landed batches after a position, oldest first. The batch in the head itself may be missing."""

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        """Return the landed batches that were claimed in [since, until) (ms), oldest first; of more than `most`, an even sample. Without
        gaps; the batch in the head itself may be missing."""


class LandedStore(HeadStore, LedgerStore, Protocol):
    """What tells which batches have landed: the head and the ledger."""
