"""A driver's work without its effects: from `starting_offsets` to the end of the topic, counted, and thrown away."""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING

from spark_jobs.contract import JobArguments
from spark_jobs.error_counts import source
from spark_jobs.error_counts.transform import Plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def main(argv: list[str]) -> None:
    """Rehearse in a session of its own. Raises what ended the query."""
    spark = source.session()
    rehearse(spark, JobArguments.from_argv(argv))
    spark.stop()


def rehearse(spark: SparkSession, args: JobArguments) -> None:
    """Count what is there now, batch by batch. Raises what ended the query."""
    plan = Plan(args)

    def count(batch: DataFrame, batch_id: int) -> None:
        plan.counts(batch).collect()

    with tempfile.TemporaryDirectory() as checkpoint:
        writer = source.stream(spark, args).writeStream.foreachBatch(count).option("checkpointLocation", checkpoint)
        writer.trigger(availableNow=True).start().awaitTermination()


if __name__ == "__main__":
    main(sys.argv[1:])
