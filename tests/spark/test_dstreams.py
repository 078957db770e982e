"""An old DStream program runs once, then in its moved form: both give the same windows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from operator import add, sub
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_jobs.catalogue.windows.events import events, read
from spark_jobs.catalogue.windows.windowed import panes
from tests.parts import until
from tests.spark.window_events import BATCHES, END, second, write

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # it is deprecated since Spark 3.4
    from pyspark.streaming import DStream, StreamingContext

WITHIN_S = 300
Counts = Mapping[str, int]


def old_program(lines: DStream, length: int, slide: int) -> DStream:
    """Count errors by service in windows, lengths in s: each batch adds what came in and subtracts what fell out."""
    events = lines.map(lambda line: line.split())
    errors = events.map(lambda event: (event[0], 1 if event[1] == "error" else 0))
    return errors.reduceByKeyAndWindow(add, sub, length, slide)


@pytest.fixture
def context(spark: SparkSession, tmp_path: Path) -> Iterator[StreamingContext]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = StreamingContext(spark.sparkContext, 1)
    found.checkpoint((tmp_path / "dstream").as_uri())  # an inverse function needs one
    yield found
    found.stop(stopSparkContext=False)


def test_the_old_program_and_its_moved_form_give_the_same_windows(spark: SparkSession, context: StreamingContext, tmp_path: Path) -> None:
    printed: list[Counts] = []
    batches = [spark.sparkContext.parallelize([value for _, value in lines]) for lines in BATCHES]
    old_program(context.queueStream(batches), 3, 1).foreachRDD(lambda counts: printed.append(dict(counts.collect())))
    context.start()
    until(lambda: len(printed) >= len(BATCHES), "the old program has printed its windows", WITHIN_S)
    assert [counts["web"] for counts in printed[:5]] == [1, 2, 2, 1, 0]

    folder = write(tmp_path / "in", (*BATCHES, END))
    writer = panes(events(read(spark, folder.as_uri()))).writeStream.format("memory").queryName("moved").trigger(availableNow=True)
    # The old checkpoint is of no use: Spark leaves its files alone, and begins with the first file.
    assert writer.option("checkpointLocation", (tmp_path / "dstream").as_uri()).start().awaitTermination(WITHIN_S)
    moved: dict[int, dict[str, int]] = {}
    for row in spark.table("moved").collect():
        moved.setdefault(second(row.window.end), {})[row.service] = row.errors
    assert [moved[end] for end in (10, 20, 30, 40, 50)] == printed[:5]
