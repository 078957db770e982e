"""A driver whose tasks run in two executors, each a process of its own: it counts the ranges of its input, and prints cells and executors.

Run by tests/contract/test_engines.py: a second JVM would disturb the session of the tests.
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
    """Reads from stdin: jars, kafka, topic and ends by partition."""
    given = json.load(sys.stdin)
    builder: Any = SparkSession.builder.master("local-cluster[2,1,512]")
    conf = {
        "spark.driver.extraClassPath": given["jars"],
        "spark.executor.extraClassPath": given["jars"],
        "spark.executor.memory": "512m",
        "spark.executorEnv.SPARK_LOCAL_IP": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
    }
    for name, value in conf.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    engine = native.NativeEngine(CountsOptions(), {**kafka.READING, "bootstrap.servers": given["kafka"]})
    ends = {Partition("", int(p)): end for p, end in given["ends"].items()}
    native.FEW = 100  # otherwise so few lines are read by one task
    rows = engine(Batch(0, dict.fromkeys(ends, 0), ends, {}, given["by"]), {"": given["topic"]})
    busy = spark.sparkContext._jsc.sc().statusStore().executorList(True)
    worked = [busy.apply(i).id() for i in range(busy.size()) if busy.apply(i).completedTasks() > 0]
    cells = sorted([row.service, row.place, row.level, row.signature, row.n] for row in rows if row.level and row.n)
    spark.stop()
    sys.stdout.write(json.dumps({"cells": cells, "executors": worked}) + "\n")


if __name__ == "__main__":
    main()
