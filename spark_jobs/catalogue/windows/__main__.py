"""Run an operation over a source, and print each batch of its result."""

from __future__ import annotations

import argparse
import os
import sys

from pyspark.sql import SparkSession

from .events import events, read
from .operations import OPERATIONS

ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"  # transformWithState needs it


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m spark_jobs.catalogue.windows", description=__doc__)
    parser.add_argument("operation", choices=OPERATIONS)
    parser.add_argument("source", help="socket://HOST:PORT, kafka://SERVERS/TOPIC, or a folder of JSON files")
    parser.add_argument("--late", default="0 seconds", help="how late an event may come")
    parser.add_argument("--trigger", default="10 seconds", help="length of a batch, or availableNow: read what is there, and end")
    asked = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark runs functions of Python with `python3`, which may be another
    function, mode = OPERATIONS[asked.operation]
    builder = SparkSession.builder.config("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
    spark = builder.config("spark.sql.shuffle.partitions", 2).getOrCreate()
    result = function(events(read(spark, asked.source), asked.late))
    writer = result.writeStream.outputMode(mode).format("console").option("truncate", False)
    how = {"availableNow": True} if asked.trigger == "availableNow" else {"processingTime": asked.trigger}
    writer.trigger(**how).start().awaitTermination()


if __name__ == "__main__":
    main()
