"""What triggers do, as docs/windows.md says: six files, of which the source gives one to a batch, and a source of rows without end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException, StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.catalogue.windows.events import events, read
from spark_jobs.catalogue.windows.windowed import count_by_window
from tests.parts import until
from tests.spark.window_events import BATCHES, END, write

WITHIN_S = 300


def started(frame: DataFrame, folder: Path, mode: str = "append", sink: str = "noop", **trigger: Any) -> Any:
    checkpoint = (folder / "checkpoint").as_uri()
    return frame.writeStream.outputMode(mode).format(sink).option("checkpointLocation", checkpoint).trigger(**trigger).start()


@pytest.mark.parametrize(("trigger", "rows"), [("availableNow", [2, 1, 1, 1, 1, 1, 0]), ("once", [7])])
def test_what_is_there_is_read_and_the_query_ends(spark: SparkSession, tmp_path: Path, trigger: str, rows: list[int]) -> None:
    """`availableNow` keeps to the source's limit, and closes windows in a last batch without rows; `once` does neither."""
    counts = count_by_window(events(read(spark, write(tmp_path / "in", (*BATCHES, END)).as_uri())))
    query = started(counts, tmp_path, **{trigger: True})
    assert query.awaitTermination(WITHIN_S)
    assert [batch["numInputRows"] for batch in query.recentProgress] == rows
    written = sum(batch["sink"]["numOutputRows"] for batch in query.recentProgress)
    assert (written > 0) is (trigger == "availableNow")


def rate(spark: SparkSession) -> DataFrame:
    return spark.readStream.format("rate").option("rowsPerSecond", 10).load()


def test_continuous_takes_rows_and_refuses_aggregates_folders_and_batches(spark: SparkSession, tmp_path: Path) -> None:
    query = started(rate(spark).where("value % 2 = 0"), tmp_path, continuous="1 second")
    until(lambda: list((tmp_path / "checkpoint" / "commits").glob("[0-9]*")), "an epoch is committed", WITHIN_S)
    assert query.isActive and query.lastProgress is None, "it reports no progress"
    query.stop()
    with pytest.raises(AnalysisException, match="does not support Aggregate"):
        started(rate(spark).groupBy("value").count(), tmp_path / "counts", "update", continuous="1 second")
    with pytest.raises(AnalysisException, match="does not support StreamingRelation"):
        started(read(spark, write(tmp_path / "in", BATCHES).as_uri()), tmp_path / "folder", continuous="1 second")
    with pytest.raises(AnalysisException, match="foreachBatch"):
        rate(spark).writeStream.foreachBatch(lambda *_: None).trigger(continuous="1 second").start()


def test_real_time_reads_kafka_and_nothing_else(spark: SparkSession, tmp_path: Path) -> None:
    """tests/catalogue/test_real_time.py has what it does with Kafka."""
    with pytest.raises(AnalysisException, match="Append is not supported"):
        started(rate(spark), tmp_path, sink="console", realTime="5 seconds")
    with pytest.raises(StreamingQueryException, match=r"RateStream\w+ is not supported in Real-time Mode"):
        started(rate(spark), tmp_path, "update", "console", realTime="5 seconds").awaitTermination(WITHIN_S)
