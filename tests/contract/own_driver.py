"""A driver in a process of its own, with the settings of its input: it counts ranges, and prints the cells and the executors that worked.

Run by tests/contract/test_engines.py, whose session has other settings.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.counts import native
from spark_jobs.counts.options import CountsOptions
from spark_jobs.protocol.head import Batch
from spark_jobs.protocol.partition import Partition
from spark_jobs.sources import kafka


def main() -> None:
    """Reads from stdin: master and conf of Spark, kafka, topic, ends by partition, and how many lines make a batch of several tasks."""
    given = json.load(sys.stdin)
    builder: Any = SparkSession.builder.master(given["master"])
    for name, value in {"spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false", **given["conf"]}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    engine = native.NativeEngine(CountsOptions(), {**kafka.READING, "bootstrap.servers": given["kafka"]})
    ends = {Partition("", int(p)): end for p, end in given["ends"].items()}
    native.FEW = given["few"]
    rows = engine(Batch(0, dict.fromkeys(ends, 0), ends, {}, given["by"]), {"": given["topic"]})
    busy = spark.sparkContext._jsc.sc().statusStore().executorList(True)
    worked = [busy.apply(i).id() for i in range(busy.size()) if busy.apply(i).completedTasks() > 0]
    cells = sorted([row.service, row.place, row.level, row.signature, row.n] for row in rows if row.level and row.n)
    spark.stop()
    sys.stdout.write(json.dumps({"cells": cells, "executors": worked}) + "\n")


if __name__ == "__main__":
    main()
