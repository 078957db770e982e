"""A folder of checkpoints is the same one for a real query and for Weir's reader, whatever its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from weir.cluster.checkpoints import CheckpointFolders
from weir.setting_rules import place

NAMES = ["My Projects", "größe", "日本", "a#b", "a?b=c", "a%20b", "a%", "a+b", "{a}[b]*", "a:b", "a&b;c", "-a", "'a'\"b\"", "a@b,c", "a\\b"]


@pytest.mark.parametrize("name", NAMES)
def test_spark_writes_where_weir_reads(name: str, spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.txt").write_text("line\n")
    base = tmp_path / name
    folders = CheckpointFolders(str(place(str(base))))
    location = folders.location("job", 1, 2)
    lines = spark.readStream.format("text").load(str(tmp_path / "in"))
    query = lines.writeStream.format("noop").trigger(availableNow=True).option("checkpointLocation", location).start()
    assert query.awaitTermination(60)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(["in", name])
    read = folders.read("job", 1, 2)
    assert {"metadata", "offsets/0", "commits/0"} <= read.contents.keys() and read.writable
    assert [found.committed for found in folders.progress(location) or ()] == [0]
    assert spark._jvm.org.apache.hadoop.fs.Path(f"{location}/offsets/0").getName() == "0"  # as the driver reads a batch's end
    folders.put("job", 1, 3, read.contents)
    assert list(folders.attempts("job")) == [(1, 2), (1, 3)]
