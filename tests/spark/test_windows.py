"""Each operation of docs/windows.md as a stream, on the numbers of the page: errors 1, 1, 0, 0, 0 by batch are 1, 2, 2, 1, 0 by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession

from spark_jobs.catalogue.windows.combined import transform
from spark_jobs.catalogue.windows.events import events, read
from spark_jobs.catalogue.windows.operations import OPERATIONS
from spark_jobs.catalogue.windows.shapes import tumbling
from spark_jobs.catalogue.windows.windowed import panes
from tests.spark.window_events import BATCHES, END, Line, second, write

PROVIDER = "spark.sql.streaming.stateStore.providerClass"
ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
WITHIN_S = 300
Run = Callable[..., list[Row]]


@pytest.fixture
def run(spark: SparkSession, tmp_path: Path) -> Run:
    """Run a function of events as a stream of one batch for each list of lines, and return the rows that it gave in all."""

    def rows(
        function: Callable[[DataFrame], DataFrame],
        mode: str = "append",
        batches: Sequence[Sequence[Line]] = (*BATCHES, END),
        late: str = "0 seconds",
    ) -> list[Row]:
        result = function(events(read(spark, write(tmp_path / mode, batches).as_uri()), late))
        writer = result.writeStream.outputMode(mode).format("memory").queryName(f"in_{mode}").trigger(availableNow=True)
        assert writer.start().awaitTermination(WITHIN_S)
        return spark.table(f"in_{mode}").collect()

    return rows


def by_name(run: Run, name: str) -> list[Row]:
    return run(OPERATIONS[name].function, OPERATIONS[name].output_mode)


def by_end(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of windows by the second of their end."""
    return sorted((second(row.window.end), *(row[column] for column in columns)) for row in rows)


def test_tumbling_windows_have_each_event_once(run: Run) -> None:
    expected = [(10, "web", 2), (20, "web", 1), (30, "shop", 1), (40, "web", 1), (50, "web", 1)]
    assert by_end(by_name(run, "tumbling"), "service", "count") == expected


def test_sliding_windows_have_each_event_three_times(run: Run) -> None:
    web = {10: 2, 20: 3, 30: 3, 40: 2, 50: 2, 60: 2, 70: 1}
    expected = sorted([*((end, "web", n) for end, n in web.items()), *((end, "shop", 1) for end in (30, 40, 50))])
    assert by_end(by_name(run, "sliding"), "service", "count") == expected


def test_session_windows_end_with_silence(run: Run) -> None:
    rows = by_name(run, "session")
    found = sorted((row.service, second(row.window.start), second(row.window.end), row["count"]) for row in rows)
    assert found == [("shop", 25, 35, 1), ("web", 3, 24, 3), ("web", 33, 51, 2)]


def test_window(run: Run) -> None:
    lines = {end: list(found) for end, found in by_end(by_name(run, "window"), "lines")}
    assert lines[30] == ["shop notice 80", "web error 120", "web error 250", "web warn 30"]
    assert lines[70] == ["web notice 70"]


def test_count_by_window(run: Run) -> None:
    assert [errors for _, errors in by_end(by_name(run, "count_by_window"), "errors")] == [1, 2, 2, 1, 0, 0, 0]


def test_reduce_by_window(run: Run) -> None:
    assert [longest for _, longest in by_end(by_name(run, "reduce_by_window"), "longest")] == [120, 250, 250, 250, 90, 90, 70]


@pytest.mark.parametrize("name", ["reduce_by_key_and_window", "panes"])
def test_reduce_by_key_and_window_with_and_without_panes(run: Run, name: str) -> None:
    found = by_end(by_name(run, name), "service", "errors")
    assert [errors for _, service, errors in found if service == "web"] == [1, 2, 2, 1, 0, 0, 0]
    assert [(end, errors) for end, service, errors in found if service == "shop"] == [(30, 0), (40, 0), (50, 0)]


def test_count_by_value_and_window(run: Run) -> None:
    found = by_end(by_name(run, "count_by_value_and_window"), "level", "count")
    assert [(end, n) for end, level, n in found if level == "error"] == [(10, 1), (20, 2), (30, 2), (40, 1)]
    assert [(end, n) for end, level, n in found if level == "warn"] == [(10, 1), (20, 1), (30, 1)]
    assert [(end, n) for end, level, n in found if level == "notice"] == [(30, 1), (40, 2), (50, 3), (60, 2), (70, 1)]


def test_update_state_by_key(run: Run) -> None:
    found = [(row.service, row.errors) for row in by_name(run, "update_state_by_key")]
    assert found == [("web", 1), ("web", 2), ("shop", 0), ("web", 2), ("web", 2), ("end", 0)]


def test_map_with_state(spark: SparkSession, run: Run) -> None:
    before = spark.conf.get(PROVIDER)
    spark.conf.set(PROVIDER, ROCKSDB)
    try:
        found = [(row.service, row.errors, row.forgotten) for row in by_name(run, "map_with_state")]
    finally:
        spark.conf.set(PROVIDER, str(before))
    assert found[:6] == [(service, n, False) for service, n in [("web", 1), ("web", 2), ("shop", 0), ("web", 2), ("web", 2), ("end", 0)]]
    assert sorted(found[6:]) == [("shop", 0, True), ("web", 2, True)]


def test_transform(run: Run) -> None:
    found = run(partial(transform, muted=("web", "end")))
    assert [(row.service, row.level) for row in found] == [("shop", "notice")]


def test_join(run: Run) -> None:
    (found,) = by_name(run, "join")
    assert (found.service, second(found.at), found.value, found.warning) == ("web", 14, "web error 250", "web warn 30")


LATE: Sequence[Sequence[Line]] = (
    [(5, "web error 1")],
    [(25, "web notice 1")],
    [(26, "web notice 1")],  # the watermark is 25 s, and closes the window until 10 s
    [(6, "web error 1"), (7, "web error 1"), (21, "web error 1")],
    END,
)


@pytest.mark.parametrize(("late", "mode", "first"), [("0 seconds", "append", 1), ("1 minute", "append", 3), ("0 seconds", "complete", 3)])
def test_a_late_event_counts_while_its_window_is_open(run: Run, late: str, mode: str, first: int) -> None:
    """In mode complete no window is ever closed."""
    assert by_end(run(tumbling, mode, LATE, late), "count")[:2] == [(10, first), (30, 3)]


def test_spark_drops_late_events_a_batch_after_it_has_closed_their_window(run: Run) -> None:
    """The watermark that closes windows is a batch ahead of the one that drops events: without the third batch the late ones count."""
    assert by_end(run(tumbling, batches=[*LATE[:2], *LATE[3:]]), "count") == [(10, 3), (30, 2)]


def test_spark_reports_late_events_after_it_has_added_them_up(spark: SparkSession, tmp_path: Path) -> None:
    """Two events of one window are dropped, and reported as one row."""
    counts = tumbling(events(read(spark, write(tmp_path / "in", LATE).as_uri())))
    query = counts.writeStream.format("noop").option("checkpointLocation", (tmp_path / "c").as_uri()).trigger(availableNow=True).start()
    assert query.awaitTermination(WITHIN_S)
    assert sum(batch["stateOperators"][0]["numRowsDroppedByWatermark"] for batch in query.recentProgress) == 1


def test_output_modes(run: Run) -> None:
    """Append gives a window once it is closed, update each window that a batch changed, complete all windows after each batch."""
    batches = ([(3, "web error 1")], [(4, "web error 1")], [(14, "web error 1")])
    assert by_end(run(tumbling, "append", batches), "count") == [(10, 2)]
    assert by_end(run(tumbling, "update", batches), "count") == [(10, 1), (10, 2), (20, 1)]
    assert by_end(run(tumbling, "complete", batches), "count") == [(10, 2), (20, 1)], "the memory sink keeps the last batch only"


def test_append_needs_a_watermark_and_panes_need_append(run: Run) -> None:
    with pytest.raises(AnalysisException, match="watermark"):
        run(lambda rows: rows.groupBy("service").count())
    with pytest.raises(AnalysisException, match="statefulOperator"):
        run(panes, "update")
