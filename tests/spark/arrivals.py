"""A query over a folder that grows, for test_files_source.py, as a program that can be killed: python arrivals.py HOME ATTEMPT DIE_AT.

For each batch it records the files (as a claim would) and then its rows. With DIE_AT it ends in the middle of that batch, before Spark
commits it. A batch that has a record already must have the same files.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.protocol.read_files import File, FilesChanged, changes, packed, unpacked
from spark_jobs.runtime import hadoop
from spark_jobs.sources import files
from spark_jobs.sources.offsets import counter
from tests.spark.stateful import COMMON, PROVIDERS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def steps(read: files.Read, batch: int) -> tuple[int, int]:
    """Return the counters between which a batch's files lie."""
    ends = [read(f"offsets/{n}").decode().split("\n")[2] if n >= 0 else "-" for n in (batch - 1, batch)]
    after, upto = (counter(line) for line in ends)
    assert after is not None and upto is not None
    return after, upto


def require_same(recorded: list[File], now: list[File]) -> None:
    if why := changes(recorded, now):
        raise FilesChanged(why)


def main(home: Path, attempt: str, die_at: int) -> None:
    builder: Any = SparkSession.builder.master("local[2]")
    for name, value in {**COMMON, **PROVIDERS["heap"]}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    place = (home / "checkpoints" / "job" / "epoch-1" / f"attempt-{attempt}").as_uri()

    def read(path: str) -> bytes:
        return hadoop.read(spark, f"{place}/{path}")

    def write(rows: DataFrame, batch: int) -> None:
        listed = dict(files.listed(read, 0, *steps(read, batch)))
        found = files.measured(spark, listed)
        require_same([file._replace(modified=listed[file.path]) for file in found], found)
        record = home / "out" / f"{batch}.files"
        if record.exists():
            require_same(unpacked(record.read_bytes()), found)
        part = home / "out" / f"{batch}.part"
        part.write_bytes(packed(found))
        part.rename(record)
        lines = rows.select("id", F.col("_metadata.file_name").alias("file")).collect()
        require_same(found, files.measured(spark, listed))
        if batch == die_at:
            os._exit(9)
        part.write_text(json.dumps([list(line) for line in lines]))
        part.rename(home / "out" / f"{batch}.json")

    stream = files.stream(spark, (home / "in").as_uri(), "csv", "id long, text string", {"header": "true"}, most=2)
    query = stream.select("*", "_metadata").writeStream.foreachBatch(write).option("checkpointLocation", place).start()
    query.awaitTermination()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
