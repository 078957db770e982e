"""Print the number of error lines that came from a TCP socket: in each batch, and in the window that ends with it.

    nc -lk 9999                                        # type lines such as: [error] disk full
    python job.py 127.0.0.1 9999 /tmp/socket_counts    # --window 30 --slide 10

Spark's socket source is for trials. It keeps lines in the driver's memory only: when the driver dies, its lines are lost, and so are those
that the sender writes until the next driver connects. It cannot read a line again, so it cannot continue from a checkpoint: this job
empties its checkpoint at each start. If the sender closes the connection, the source does not connect again. To lose no lines, use
`weir collect tcp` (docs/collect.md).
"""

from __future__ import annotations

import argparse
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ERROR = r"\[(\w+:)?error\]"  # as Apache httpd writes the level: [error], [core:error]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count error lines of a TCP socket by the time of their arrival.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("checkpoint", help="a folder; it is emptied")
    parser.add_argument("--window", type=int, default=30, help="length of a window in s")
    parser.add_argument("--slide", type=int, default=10, help="length of a batch in s; a window ends with each batch")
    asked = parser.parse_args()
    spark = SparkSession.builder.getOrCreate()
    _empty(spark, asked.checkpoint)
    counts = counted(lines(spark, asked.host, asked.port), ticks(spark, asked.slide), asked.window, asked.slide)
    writer = counts.writeStream.outputMode("update").format("console").option("truncate", False)
    writer = writer.option("checkpointLocation", asked.checkpoint).trigger(processingTime=f"{asked.slide} seconds")
    writer.start().awaitTermination()


def lines(spark: SparkSession, host: str, port: int) -> DataFrame:
    """Return the lines of a socket, with the time at which the driver read them."""
    source = spark.readStream.format("socket").option("host", host).option("port", port)
    return source.option("includeTimestamp", True).load().select("timestamp", "value")


def ticks(spark: SparkSession, slide: int) -> DataFrame:
    """Return a row without a line for each batch, dated a slide before it.

    Spark has a window only if a row belongs to it, and runs a batch only if there are rows. These rows make a batch at each trigger, and
    the window that ends with it, so that its 0 is printed.
    """
    each_batch = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 1).option("numPartitions", 1).load()
    dated = F.current_timestamp() - F.expr(f"INTERVAL {slide} SECONDS")
    return each_batch.select(dated.alias("timestamp"), F.lit(None).cast("string").alias("value"))


def counted(lines: DataFrame, ticks: DataFrame, window: int, slide: int) -> DataFrame:
    """Count the error lines of each window that has ended, and those of its last slide. Lengths are in s.

    `current_timestamp()` is the time of the batch: lines that came after it began belong to windows that are still open.
    """
    rows = lines.where(lines.value.rlike(ERROR)).unionByName(ticks).withWatermark("timestamp", f"{slide} seconds")
    by_window = rows.select(F.window("timestamp", f"{window} seconds", f"{slide} seconds").alias("of"), "timestamp", "value")
    in_last_slide = F.col("timestamp") >= F.col("of.end") - F.expr(f"INTERVAL {slide} SECONDS")
    counts = by_window.groupBy("of").agg(F.count(F.when(in_last_slide, F.col("value"))).alias("batch"), F.count("value").alias("window"))
    ended = F.col("of.end") <= F.current_timestamp()
    return counts.where(ended).select("of.start", "of.end", "batch", "window")


def _empty(spark: SparkSession, checkpoint: str) -> None:
    """Remove what an earlier driver has left."""
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(checkpoint)
    path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).delete(path, True)


if __name__ == "__main__":
    main()
