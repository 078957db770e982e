"""What a stream sees of a static table whose files change: the list of files is that of its start, and each batch reads them again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

Found = dict[str, int | None]


class Joined:
    """A stream of keys beside a table of keys and values."""

    def __init__(self, spark: SparkSession, table: DataFrame, home: Path) -> None:
        self.keys, self.batches = home / "keys", list[Found]()
        self.keys.mkdir()
        keys = spark.readStream.schema("k STRING").json(self.keys.as_uri())
        beside = keys.join(F.broadcast(table), "k", "left")
        self.query = beside.writeStream.foreachBatch(self._keep).option("checkpointLocation", (home / "checkpoint").as_uri()).start()

    def next(self) -> Found:
        """Send each key once, and return what the table has for it."""
        part = self.keys / ".part"
        part.write_text("".join(f'{{"k": "{key}"}}\n' for key in "abc"))
        part.rename(self.keys / f"{len(self.batches)}.json")
        self.query.processAllAvailable()
        return self.batches[-1]

    def _keep(self, rows: DataFrame, number: int) -> None:
        self.batches.append({row.k: row.v for row in rows.collect()})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "1.csv").write_text("a,1\nb,2\n")
    return folder


@pytest.fixture
def joined(spark: SparkSession, table: Path, tmp_path: Path) -> Iterator[Joined]:
    found = Joined(spark, spark.read.schema("k STRING, v LONG").csv(table.as_uri()), tmp_path)
    assert found.next() == {"a": 1, "b": 2, "c": None}
    yield found
    found.query.stop()


def test_a_file_of_the_same_length_is_seen_with_the_next_batch(joined: Joined, table: Path) -> None:
    (table / "1.csv").write_text("a,5\nb,6\n")
    assert joined.next() == {"a": 5, "b": 6, "c": None}


def test_a_line_that_begins_beyond_the_old_length_is_missing(joined: Joined, table: Path) -> None:
    (table / "1.csv").write_text("a,50\nb,60\nc,70\n")  # it had 8 bytes, and the third line begins after 10
    assert joined.next() == {"a": 50, "b": 60, "c": None}


def test_a_new_file_is_not_read(joined: Joined, table: Path) -> None:
    (table / "2.csv").write_text("c,7\n")
    assert joined.next() == {"a": 1, "b": 2, "c": None}


def test_a_deleted_file_fails_the_batch(joined: Joined, table: Path) -> None:
    (table / "1.csv").unlink()
    with pytest.raises(StreamingQueryException, match="FILE_NOT_EXIST"):
        joined.next()


def test_an_overwritten_parquet_table_fails_the_batch(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("a", 1)], "k STRING, v LONG")
    rows.write.parquet((tmp_path / "parquet").as_uri())
    joined = Joined(spark, spark.read.parquet((tmp_path / "parquet").as_uri()), tmp_path)
    assert joined.next() == {"a": 1, "b": None, "c": None}
    rows.write.mode("overwrite").parquet((tmp_path / "parquet").as_uri())
    with pytest.raises(StreamingQueryException, match="FILE_NOT_EXIST"):
        joined.next()
