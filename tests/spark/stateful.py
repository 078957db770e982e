"""Queries with state, for test_state.py, as a program of their own that can be killed: python stateful.py HOME ATTEMPT PROVIDER.

Each reads a folder, one file a batch, and writes what each batch gives to out/<query>/<batch>.json. It ends when all files are read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STATE = "org.apache.spark.sql.execution.streaming.state"
FILES = "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
COMMON = {
    "spark.sql.streaming.checkpointFileManagerClass": FILES,
    "spark.sql.streaming.stateStore.minDeltasForSnapshot": "3",
    "spark.sql.streaming.stateStore.maintenanceInterval": "500ms",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.driver.memory": "700m",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}
PROVIDERS = {
    "heap": {
        "spark.sql.streaming.stateStore.providerClass": f"{STATE}.HDFSBackedStateStoreProvider",
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    },
    "rocksdb": {"spark.sql.streaming.stateStore.providerClass": f"{STATE}.RocksDBStateStoreProvider"},
    "changelog": {
        "spark.sql.streaming.stateStore.providerClass": f"{STATE}.RocksDBStateStoreProvider",
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    },
}
PROVIDERS["python"] = PROVIDERS["changelog"]  # with transformWithState, which needs RocksDB
QUERIES = {
    "heap": ("sums", "distinct", "pairs"),
    "rocksdb": ("sums", "pairs"),
    "changelog": ("sums", "distinct", "pairs"),
    "python": ("last",),
}


class Last(StatefulProcessor):
    """Number of rows of a key, and its three largest values."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        self._count, self._values = handle.getValueState("count", "n long"), handle.getListState("values", "v long")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:
        new = [row.v for row in rows]
        count = (self._count.get()[0] if self._count.exists() else 0) + len(new)
        values = sorted([*(row[0] for row in self._values.get()), *new])[-3:]
        self._count.update((count,))
        self._values.put([(v,) for v in values])
        yield Row(k=key[0], n=count, values=values)

    def close(self) -> None: ...


def frames(spark: SparkSession, home: Path) -> dict[str, tuple[Callable[[], DataFrame], str]]:
    """Return the queries by name, each with its output mode."""

    def rows(folder: str) -> DataFrame:
        reader = spark.readStream.schema("k string, v long, t timestamp").option("maxFilesPerTrigger", 1)
        return reader.json((home / folder).as_uri())

    def pairs() -> DataFrame:
        a, b = (rows(name).withWatermark("t", "1 hour").alias(name) for name in ("a", "b"))
        return a.join(b, F.expr("a.k = b.k and a.v = b.v")).select(F.col("a.k").alias("k"), F.col("a.v").alias("v"))

    return {
        "sums": (lambda: rows("a").groupBy("k").agg(F.count("*").alias("n"), F.sum("v").alias("v")), "update"),
        "distinct": (lambda: rows("a").select("k").dropDuplicates(), "append"),
        "pairs": (pairs, "append"),
        "last": (
            lambda: rows("a").groupBy("k").transformWithState(Last(), "k string, n long, values array<long>", "Update", "None"),
            "update",
        ),
    }


def writer(folder: Path) -> Callable[[DataFrame, int], None]:
    folder.mkdir(parents=True, exist_ok=True)

    def write(batch: DataFrame, number: int) -> None:
        part = folder / f"{number}.part"
        part.write_text(json.dumps([row.asDict() for row in batch.collect()]))
        part.rename(folder / f"{number}.json")

    return write


def main(home: Path, attempt: str, provider: str) -> None:
    builder: Any = SparkSession.builder.master("local[2]")
    for name, value in {**COMMON, **PROVIDERS[provider]}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    made = frames(spark, home)
    started = []
    for name in QUERIES[provider]:
        frame, mode = made[name]
        stream = frame().writeStream.outputMode(mode).foreachBatch(writer(home / "out" / name)).queryName(name)
        place = (home / "checkpoints" / name / "epoch-1" / f"attempt-{attempt}").as_uri()
        started.append(stream.option("checkpointLocation", place).trigger(availableNow=True).start())
    for query in started:
        query.awaitTermination()
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
