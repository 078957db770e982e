"""Measure what each row of a batch costs after the tasks have counted: its shuffle to one task, its way to Python, and adding it up.

    python bench/batch_rows.py [--rows 200000] [--json FILE]

A row is what the tasks make of all lines of one partition, pane, service, level and signature. Made-up rows go through the code that a
driver uses. CPU is that of Python and of the JVM; making the rows, measured alone, is taken off. The third of three rounds counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from pyspark.sql import DataFrame, SparkSession  # noqa: E402
from pyspark.sql import functions as F  # noqa: E402

from bench.harness import Cost, cost  # noqa: E402
from spark_jobs.counts.transform import collected, counted  # noqa: E402
from spark_jobs.error_counts.options import Options  # noqa: E402
from spark_jobs.protocol.head import Progress  # noqa: E402

PARTITIONS, SERVICES, START_MS = 16, 200, 1_768_435_200_000


def rows_of(spark: SparkSession, rows: int) -> DataFrame:
    """Make as many rows as asked, each of another signature, in the columns of Plan.counts."""
    n = F.col("id")
    signature = F.concat(F.lit("[client *] AH"), n.cast("string"), F.lit(": File does not exist: /var/www/html/*"))
    return spark.range(rows, numPartitions=2).select(
        (n % PARTITIONS).cast("int").alias("partition"),
        F.concat(F.lit("service-"), (n % SERVICES).cast("string")).cast("binary").alias("service"),
        F.lit(START_MS).alias("place"),
        F.lit("error").alias("level"),
        signature.alias("signature"),
        F.lit(None).cast("string").alias("reason"),
        F.lit(3).cast("long").alias("n"),
        F.lit(START_MS).alias("event_ms"),
        F.lit(START_MS).alias("append_ms"),
        F.lit(0).cast("long").alias("offsets"),
    )


def grouped(made: DataFrame) -> DataFrame:
    """Add the rows up as the second half of Plan.counts does. No two are alike, so none is saved."""
    keys = ("partition", "service", "place", "level", "signature", "reason")
    return made.groupBy(*keys).agg(F.sum("n"), F.max("event_ms"), F.max("append_ms"), F.sum("offsets"))


def measure(spark: SparkSession, rows: int) -> dict[str, Cost]:
    made: Any = rows_of(spark, rows).write.format("noop").mode("overwrite").save
    making, _ = cost(made)
    collecting, found = cost(lambda: collected(grouped(rows_of(spark, rows)), {"logs": "topic"}))
    adding, result = cost(lambda: counted(found, Progress(), Options()))
    assert result.totals.lines == 3 * rows
    return {"collecting": Cost(collecting.wall_s - making.wall_s, collecting.cpu_s - making.cpu_s), "adding up": adding}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = options.parse_args()
    builder: Any = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "1g")
    for name, value in (("driver.host", "127.0.0.1"), ("ui.showConsoleProgress", "false"), ("sql.shuffle.partitions", "1")):
        builder = builder.config(f"spark.{name}", value)
    spark = builder.getOrCreate()
    for _ in range(3):
        found = measure(spark, chosen.rows)
    spark.stop()
    for name, spent in found.items():
        print(f"{name:>12}: {spent.cpu_s / chosen.rows * 1e6:6.1f} CPU-us a row, {chosen.rows / spent.wall_s:>9,.0f} rows/s")
    if chosen.json:
        chosen.json.write_text(json.dumps({name: vars(spent) for name, spent in found.items()}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
