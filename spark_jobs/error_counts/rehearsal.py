"""A driver's work without its effects: some batches from `starting_offsets` on, counted, and thrown away."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from spark_jobs.counts.sink import Sink, Tools
from spark_jobs.protocol.head import Batch, Progress
from spark_jobs.protocol.writer import Counted
from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources import kafka as source

BATCHES = 10  # at the most: a topic may grow faster than it is rehearsed, and one that was busy kept a standby from ever being ready


class Dropped:
    """A writer that has the first BATCHES counted, and lands nothing."""

    def __init__(self) -> None:
        self.enough, self._counted = threading.Event(), 0

    def write(self, batch: Batch, count: Callable[[Progress], Counted]) -> bool:
        if not self.enough.is_set():
            count(Progress())
            self._counted += 1
        if self._counted >= BATCHES:
            self.enough.set()
        return False


def main(argv: list[str]) -> None:
    """Rehearse in a session of its own. Raises what ended the query."""
    spark = source.session()
    args = JobArguments.from_argv(argv)
    rehearse(Tools(spark, args), args)
    spark.stop()


def rehearse(tools: Tools, args: JobArguments) -> None:
    """Count what is there now, batch by batch, until that is enough. Raises what ended the query before."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder).as_uri()
        dropped = Dropped()
        sink = Sink(dropped, replace(args, checkpoint=checkpoint))
        sink.equip(tools)
        writer = source.stream(tools.spark, args).writeStream.foreachBatch(sink).option("checkpointLocation", checkpoint)
        query = writer.trigger(availableNow=True).start()
        while query.isActive and not dropped.enough.wait(0.1):
            pass
        if dropped.enough.is_set():
            query.stop()
        else:
            query.awaitTermination()


if __name__ == "__main__":
    main(sys.argv[1:])
