"""A minimal Spark stream for `bench/start.py`: it counts the records of a topic by partition, in one batch, and ends."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.runtime.contract import JobArguments
from spark_jobs.sources import kafka as source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count(records: DataFrame, batch_id: int) -> None:
    print(batch_id, records.groupBy("partition").count().collect())


if __name__ == "__main__":
    args, spark = JobArguments.from_argv(sys.argv[1:]), source.session()
    with tempfile.TemporaryDirectory() as folder:
        stream = source.stream(spark, args, source.Pace(spark, args.max_lines_per_batch))
        writer = stream.writeStream.foreachBatch(count).option("checkpointLocation", Path(folder).as_uri())
        writer.trigger(availableNow=True).start().awaitTermination()
    spark.stop()
