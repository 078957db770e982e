"""A driver's work without its effects: from `starting_offsets` to the end of the topic, counted, and thrown away."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.contract import JobArguments
from spark_jobs.error_counts import source
from spark_jobs.error_counts.sink import Sink
from spark_jobs.protocol import Batch, Progress
from spark_jobs.writer import Counted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Dropped:
    """A writer that has all of a batch counted, and lands nothing."""

    def write(self, batch: Batch, count: Callable[[Progress], Counted]) -> bool:
        count(Progress())
        return False


def main(argv: list[str]) -> None:
    """Rehearse in a session of its own. Raises what ended the query."""
    spark = source.session()
    rehearse(spark, JobArguments.from_argv(argv))
    spark.stop()


def rehearse(spark: SparkSession, args: JobArguments) -> None:
    """Count what is there now, batch by batch. Raises what ended the query."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder).as_uri()
        sink = Sink(Dropped(), replace(args, checkpoint=checkpoint))
        sink.attach(spark)
        writer = source.stream(spark, args).writeStream.foreachBatch(sink).option("checkpointLocation", checkpoint)
        writer.trigger(availableNow=True).start().awaitTermination()


if __name__ == "__main__":
    main(sys.argv[1:])
