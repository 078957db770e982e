"""What a real query writes into its checkpoint, and what is read from it."""

from __future__ import annotations

import time
from pathlib import Path

from pyspark.sql import SparkSession

from weir.cluster.checkpoints import CheckpointFolders

STATE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
FORMATS = {"spark.sql.streaming.stateStore.checkpointFormatVersion": "2", "spark.sql.streaming.stateStore.providerClass": STATE}


def test_the_progress_of_queries_of_all_sorts(spark: SparkSession, tmp_path: Path) -> None:
    """One from files in two batches; one with state, whose commits are of format v2; one that fails in its first batch."""
    home = tmp_path / "fraud" / "epoch-1" / "shared"
    for n in range(2):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{n}.txt").write_text("7\nseven\n" if n else "7\n")

    def lines() -> object:
        return spark.readStream.format("text").option("maxFilesPerTrigger", 1).load(str(tmp_path / "in"))

    def run(frame: object, name: str, mode: str = "append") -> bool:
        writer = frame.writeStream.outputMode(mode).format("noop").trigger(availableNow=True)  # type: ignore[attr-defined]
        query = writer.option("checkpointLocation", f"file://{home}/{name}").start()
        try:
            return bool(query.awaitTermination(60))
        except Exception:  # noqa: BLE001  # of whatever kind: it is meant to fail
            return False

    began = time.time() * 1000
    assert run(lines(), "files")
    for name, value in FORMATS.items():
        spark.conf.set(name, value)
    try:
        assert run(lines().groupBy("value").count(), "of/state", "update")  # type: ignore[attr-defined]
    finally:
        for name in FORMATS:
            spark.conf.unset(name)
    assert not run(lines().selectExpr("raise_error('no number')"), "poison")  # type: ignore[attr-defined]
    place = CheckpointFolders(str(tmp_path))
    files, state, poison = sorted(place.progress(place.location("fraud", 1)) or (), key=lambda q: q.folder)[0:3]
    assert [q.folder for q in (files, state, poison)] == ["files", "of/state", "poison"]
    assert (files.planned, files.committed, files.planned_ends, files.committed_ends) == (1, 1, {}, {})
    assert (state.planned, state.committed) == (1, 1) and (home / "of/state/commits/1").read_text().startswith("v2\n")
    assert (poison.uncommitted, poison.committed, poison.committed_at) == (0, -1, 0)
    assert began - 2000 <= files.committed_at <= time.time() * 1000
