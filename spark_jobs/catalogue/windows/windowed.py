"""What DStreams did in windows. Spark gives a row of a window once the watermark has passed the window's end (output mode append)."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

LENGTH, SLIDE = "30 seconds", "10 seconds"


def window(events: DataFrame, length: str = LENGTH, slide: str = SLIDE) -> DataFrame:
    """Collect the lines of each window."""
    return events.groupBy(F.window("timestamp", length, slide)).agg(F.sort_array(F.collect_list("value")).alias("lines"))


def count_by_window(events: DataFrame, length: str = LENGTH, slide: str = SLIDE) -> DataFrame:
    """Count the errors of each window: 0 if it has other events only. A window without any event is not there."""
    return events.groupBy(F.window("timestamp", length, slide)).agg(_errors())


def reduce_by_window(events: DataFrame, length: str = LENGTH, slide: str = SLIDE) -> DataFrame:
    """Return the longest time of each window, by a function of two values, which may be any: F.max would keep one value, not a list."""
    longest = F.reduce(F.collect_list("ms"), F.lit(0), lambda one, other: F.greatest(one, other))
    return events.groupBy(F.window("timestamp", length, slide)).agg(longest.alias("longest"))


def reduce_by_key_and_window(events: DataFrame, length: str = LENGTH, slide: str = SLIDE) -> DataFrame:
    """Count the errors of each service and window. The state has a number for each window that an event belongs to."""
    return events.groupBy(F.window("timestamp", length, slide), "service").agg(_errors())


def panes(events: DataFrame, length: str = LENGTH, slide: str = SLIDE) -> DataFrame:
    """Count as reduce_by_key_and_window does, in place of an inverse function: each event is counted once, into its pane of length `slide`.

    A window is the sum of its panes, once they are closed.
    """
    pane = events.groupBy(F.window("timestamp", slide), "service").agg(_errors())
    return pane.groupBy(F.window(F.window_time("window"), length, slide), "service").agg(F.sum("errors").alias("errors"))


def count_by_value_and_window(events: DataFrame, length: str = LENGTH, slide: str = SLIDE) -> DataFrame:
    """Count the events of each level and window."""
    return events.groupBy(F.window("timestamp", length, slide), "level").count()


def _errors() -> Column:
    return F.count_if(F.col("level") == "error").alias("errors")
