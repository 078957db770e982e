"""Judge the manifests of a Parquet sink against the head. Pure. A batch is its epoch and its number."""

from __future__ import annotations

from collections.abc import Collection

from spark_jobs.protocol.head import Head

Batch = tuple[int, int]


def unknown(found: Collection[Batch], head: Head) -> Batch | None:
    """Return the newest batch with a manifest that has not landed as far as the head knows; None if there is none."""
    return max((batch for batch in found if batch[1] > head.last_of(batch[0])), default=None)


def missing(found: Collection[Batch], head: Head) -> Batch | None:
    """Return the batch before the newest landed one of this epoch, if it has no manifest. That of the newest may still be written."""
    before = head.epoch, head.last_landed - 1
    return before if before[1] > head.base and before not in found else None


def left_over(found: Collection[Batch], head: Head) -> Batch | None:
    """Return the last landed batch of the earlier epochs, if it has no manifest and this epoch has landed nothing yet."""
    if head.landed_here:
        return None
    ends = head.earlier_ends
    return ends[-1] if ends and ends[-1] not in found else None
