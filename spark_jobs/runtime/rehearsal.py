"""Rehearse a driver: evaluate some batches from `starting_offsets` on, and discard the results."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.runtime.batches import Batches, Tools
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources import kafka as source

BATCHES = 10  # at the most: a topic may grow faster than it is rehearsed, and one that was busy kept a standby from ever being ready


class Dropped:
    """A writer that evaluates the first BATCHES batches, and lands nothing."""

    def __init__(self) -> None:
        self.enough, self._evaluated = threading.Event(), 0

    def write(self, batch: Batch, evaluate: Callable[[Progress], Any]) -> bool:
        if not self.enough.is_set():
            evaluate(Progress())
            self._evaluated += 1
        if self._evaluated >= BATCHES:
            self.enough.set()
        return False


def rehearse(tools: Tools[Any], args: JobArguments) -> None:
    """Evaluate the present lines, batch by batch, up to BATCHES. Raises what ended the query earlier."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = f"file://{folder}"  # not as_uri(): Hadoop takes %20 for itself, not for a blank
        dropped = Dropped()
        batches = Batches(dropped, replace(args, checkpoint=checkpoint))
        pace = source.Pace(tools.spark, args.max_lines_per_batch)
        batches.equip(tools, pace)
        writer = tools.job.stream(tools.spark, args, pace).writeStream.outputMode(tools.job.output_mode).foreachBatch(batches)
        query = writer.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
        while query.isActive and not dropped.enough.wait(0.1):
            pass
        if dropped.enough.is_set():
            query.stop()
        else:
            query.awaitTermination()
