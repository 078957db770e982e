"""Refuse to combine a head that was restored from an older copy with newer folds.

What is published stays landed for ever, since spans only grow. If the head says that it has not landed, the head is an older copy: the
lines are counted in the run, and will be counted again from the head's frontier.
"""

from __future__ import annotations

from spark_jobs.protocol.head import Landed, Position
from weir.errors import NotProven
from weir.ports.counts import NOWHERE, HourShard
from weir.ports.ledger import LandedStore


def refuse(job: str, at: HourShard, position: Position, seen: Landed) -> None:
    """Raise NotProven if sums up to a position hold batches that the head does not know: with what landed later they would count twice.

    The position, NOWHERE for none, must have been read before the head that `seen` comes from.
    """
    if position != NOWHERE and position not in seen:
        attempt, batch_id = position
        raise NotProven(
            f"{job}, hour {at[0]}, shard {at[1]} is folded up to batch {batch_id} of attempt {attempt}, which is missing from the head: "
            "the head was restored from an older copy.",
            f"Run: weir checkpoint {job} --rebuild",
        )


def keep(store: LandedStore, job: str) -> None:
    """Write the landed head to the ledger before a fold is published, so that the ledger reaches as far as anything published."""
    head = store.head(job)
    if head is not None and head.for_ledger:
        store.put_ledger(head)
