"""Judge the manifests of a Parquet sink against the head. Pure. A batch is its epoch and its number."""

from __future__ import annotations

from collections.abc import Collection

from spark_jobs.protocol.head import Head

Batch = tuple[int, int]


def unknown(found: Collection[Batch], head: Head) -> Batch | None:
    """Return the newest batch with a manifest that has not landed as far as the head knows; None if there is none."""
    return max((batch for batch in found if batch[1] > _last_of(batch[0], head)), default=None)


def missing(found: Collection[Batch], head: Head) -> Batch | None:
    """Return the batch before the newest landed one of this epoch, if it has no manifest. That of the newest may still be written."""
    before = head.epoch, head.last_landed - 1
    return before if before[1] > head.base and before not in found else None


def left_over(found: Collection[Batch], head: Head) -> Batch | None:
    """Return the last landed batch of the earlier epochs, if it has no manifest and this epoch has landed nothing yet."""
    if head.last_landed > head.base:
        return None
    ends = [(epoch, last) for epoch, last in enumerate(head.epoch_ends, start=1) if last >= 0]
    return ends[-1] if ends and ends[-1] not in found else None


def _last_of(epoch: int, head: Head) -> int:
    """Return the last batch of an epoch that landed; -1 for none."""
    if epoch == head.epoch:
        return head.last_landed
    return head.epoch_ends[epoch - 1] if 0 < epoch <= len(head.epoch_ends) else -1
