"""Define what a landed job's sink promises, and compare its fence with the head. Pure, except for the sinks themselves.

The deltas of a counts job are keyed by attempt and batch, so a claim that never landed counts for nothing. The rows of a landed job are
the user's own. Readers see them from the moment they are written, before the head says landed. So a batch is written only as it was
claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from spark_jobs.protocol.head import Digest as Digest
from spark_jobs.protocol.head import Head, State

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SEE = "Find out which of them was restored: see docs/runbook.md"


class SinkAhead(Exception):
    """The sink holds a batch that the head does not know: the head was restored from an older copy, or another job writes to the target."""


class SinkBehind(Exception):
    """The sink lacks a batch that has landed: it was restored from an older copy, or emptied."""


class NotDeterministic(Exception):
    """A batch was evaluated again, and gave other rows than before. The second rows were not written."""


@dataclass(frozen=True)
class Held:
    """The last batch that a sink holds, as its fence says."""

    epoch: int
    attempt: int  # the highest attempt that raised the fence
    batch_id: int  # of that epoch; -1: none


class LandedSink(Protocol):
    """The destination of a landed job's batches."""

    hides_claims: bool  # True: what is written is read only once it has landed, as that attempt wrote it

    def fence(self, head: Head) -> Held | None:
        """Raise the fence for the head's attempt: from here on no older attempt can change the sink.

        Return what the sink holds; None if it keeps no such record (Cassandra, Parquet). Raises Superseded if a later attempt has raised
        it, SinkAhead if the sink holds batches that the head does not know (a restored store).
        """

    def write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        """Write the claimed batch. May be repeated with the same rows by a later attempt. Raises Superseded if fenced."""

    def landed(self, head: Head) -> None:
        """Publish the landed batch of this head, where landing is not enough. May be repeated; also called at a start."""

    def rehearse(self, job: str) -> None:
        """Reach every target that `write` writes to, and change nothing that is ever read. May be repeated."""

    def keep(self) -> None:
        """Keep the fence from expiring, if it is due and the sink's server deletes what is old. Called every few seconds. Never raises."""


def disagreement(head: Head, held: Held) -> Exception | None:
    """Return why no batch may be written to a sink that holds this; None if head and sink agree."""
    at = f"the sink holds {_said(held)}"
    last = _last_known(head, held.epoch)
    if held.epoch > head.epoch or held.batch_id > last:
        known = f"the last batch that the head of {head.job} knows is {last} of epoch {min(held.epoch, head.epoch)}"
        return SinkAhead(f"WEIR-321: {at}, and {known}. {SEE}#weir-321")
    epoch, newest = _newest_landed(head)
    if newest >= 0 and (held.epoch, held.batch_id) < (epoch, newest):
        return SinkBehind(f"WEIR-322: {at}, and batch {newest} of epoch {epoch} of {head.job} has landed. {SEE}#weir-322")
    if held.epoch > epoch and held.batch_id == -1 and newest >= 0:
        return SinkBehind(f"WEIR-322: the sink holds nothing, and batch {newest} of epoch {epoch} of {head.job} has landed. {SEE}#weir-322")
    return None


def holds_claim(head: Head, held: Held | None) -> bool:
    """Return whether a sink already holds the batch that the head has claimed. The driver then lands it without writing it again."""
    return head.state is State.CLAIMED and held is not None and (held.epoch, held.batch_id) == (head.epoch, head.batch_id)


def difference(known: Digest | None, found: Digest | None) -> str:
    """Return how an evaluation differs from an earlier one of the same batch; empty if it does not."""
    if known is None or found is None or known == found:
        return ""
    return f"it had {known.rows} rows with digest {known.value}, and now has {found.rows} rows with digest {found.value}"


def _said(held: Held) -> str:
    return f"batch {held.batch_id} of epoch {held.epoch}" if held.batch_id >= 0 else f"no batch of epoch {held.epoch}"


def _newest_landed(head: Head) -> tuple[int, int]:
    """Return epoch and number of the newest batch that this job has landed in any epoch; -1 for none."""
    if head.landed_here:
        return head.epoch, head.last_landed
    if head.base >= 0:
        return head.state_epoch, head.base
    return head.earlier_ends[-1] if head.earlier_ends else (0, -1)


def _last_known(head: Head, epoch: int) -> int:
    """Return the last batch of an epoch that the head knows: claimed in its own epoch, landed in earlier ones."""
    return head.batch_id if epoch >= head.epoch else head.last_of(epoch)
