"""Measure what a batch costs in each sink: seconds, and how much the driver's two processes grow at most.

    python bench/sinks.py [--rows 200000] [--sinks postgresql,kafka,cassandra,parquet] [--json FILE]

Starts the servers that it measures, one after another. Rows have a text of 100 bytes and a number. The second batch is measured, so that
connections and generated code are warm. The JVM's memory is its whole heap as the system sees it, which grows up to its limit of 512 MiB.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

import psutil  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

from bench.harness import Report, options  # noqa: E402
from spark_jobs.protocol.landing import LandedSink  # noqa: E402
from spark_jobs.runtime.contract import CassandraAddress  # noqa: E402
from spark_jobs.runtime.session import Session  # noqa: E402
from tests.contract import sinks  # noqa: E402
from tests.contract.sinks import Life, Rig, digest  # noqa: E402
from tests.parts import local_spark, make_topic, new_stack, running, running_stack  # noqa: E402
from tests.stores.servers import local  # noqa: E402
from weir.local import postgres  # noqa: E402

MIB = 1024 * 1024
KINDS = ("postgresql", "kafka", "cassandra", "parquet")


@contextmanager
def rig_of(kind: str, spark: SparkSession, home: Path) -> Iterator[Rig]:
    """Start the server of a sink, and make a target."""
    if kind == "postgresql":
        stack = new_stack(home)
        with running_stack(stack, postgres.part(stack)):
            yield sinks.postgresql(spark, stack, upserts=True)
    elif kind == "kafka":
        with running(home, "kafka") as settings:
            yield sinks.kafka(spark, settings.kafka, lambda topic: make_topic(settings, topic, 1))
    elif kind == "cassandra":
        with running(home, "cassandra") as settings:
            session = Session(CassandraAddress(("127.0.0.1",), settings.cassandra_port, keyspace=""), 60.0)
            yield sinks.cassandra(spark, session)
            session.close()
    else:
        with local(home) as store:
            yield sinks.parquet(spark, store)


def peaks(run: Callable[[], object]) -> tuple[float, float, float]:
    """Return the seconds of a call, and by how many MiB Python and its JVM grew at most."""
    python = psutil.Process()
    java = next(child for child in python.children(recursive=True) if "java" in child.name())
    before, most, over = [p.memory_info().rss for p in (python, java)], [0, 0], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            most[:] = [max(m, p.memory_info().rss - b) for m, p, b in zip(most, (python, java), before, strict=True)]

    watcher = threading.Thread(target=look)
    watcher.start()
    began = time.monotonic()
    try:
        run()
    finally:
        took = time.monotonic() - began
        over.set()
        watcher.join()
    return took, most[0] / MIB, most[1] / MIB


def measure(rig: Rig, life: Life, sink: LandedSink, rows: int) -> dict[str, float]:
    made: Any = rig.shaped(rig.spark.range(0, rows, 1, 2).selectExpr("rpad(cast(id AS string), 100, 'x') AS name", "id AS n")).persist()
    found = digest(made)
    life.batch(sink, made)
    took, python, java = peaks(lambda: sink.write(life.claimed(), made, found))
    sink.landed(life.landed())
    made.unpersist()
    return {"seconds": round(took, 1), "rows_per_s": round(rows / took), "python_mib": round(python), "jvm_mib": round(java)}


def main() -> int:
    wanted = options(__doc__)
    wanted.add_argument("--rows", type=int, default=200_000)
    wanted.add_argument("--sinks", default=",".join(KINDS))
    asked, report = wanted.parse_args(), Report("sinks")
    conf = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "512m",
        "spark.sql.shuffle.partitions": "2",
    }
    with local_spark(conf) as spark, tempfile.TemporaryDirectory() as folder:
        spark.sparkContext.setLogLevel("ERROR")
        for kind in asked.sinks.split(","):
            with rig_of(kind, spark, (asked.home or Path(folder)) / kind) as rig:
                life, sink = Life.begun("bench"), rig.process()
                sink.fence(life.head)
                for rows in (asked.rows // 10, asked.rows):
                    report.take(measure(rig, life, sink, rows), f"{kind}, {rows} rows")
    return report.end(asked.json)


if __name__ == "__main__":
    sys.exit(main())
