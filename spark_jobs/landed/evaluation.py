"""Evaluate a batch of a landed job once and persist its rows, so that the rows that are written are those of the digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark import StorageLevel

from spark_jobs.landed.digest import digest_of
from spark_jobs.landed.fenced import Evaluated
from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.runtime import hadoop
from spark_jobs.runtime.batches import Rows
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources.offsets import watermark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Evaluation:
    """Implements spark_jobs.runtime.batches.Evaluation."""

    def __init__(self, args: JobArguments) -> None:
        self._state = f"{args.checkpoint}/state"
        self._last: DataFrame | None = None
        self._stateful = False

    def __call__(self, rows: Rows, batch: Batch, before: Progress) -> Evaluated:
        """Evaluate the batch with all its partitions, even those without rows: Spark writes their state at the same time."""
        if self._last is not None:
            self._last.unpersist()
        self._last = found = rows().persist(StorageLevel.MEMORY_AND_DISK)
        digest = digest_of(found)
        self._stateful = self._stateful or hadoop.exists(found.sparkSession, self._state)
        return Evaluated(found, digest, Progress(watermark=watermark(batch.plan)), self._stateful)
