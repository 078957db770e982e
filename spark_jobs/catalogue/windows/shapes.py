"""Three shapes of windows. Each counts the events of a service."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def tumbling(events: DataFrame, length: str = "10 seconds") -> DataFrame:
    """Count by windows that follow one another: each event is in one."""
    return events.groupBy(F.window("timestamp", length), "service").count()


def sliding(events: DataFrame, length: str = "30 seconds", slide: str = "10 seconds") -> DataFrame:
    """Count by windows that overlap: each event is in `length / slide` of them."""
    return events.groupBy(F.window("timestamp", length, slide), "service").count()


def session(events: DataFrame, gap: str = "10 seconds") -> DataFrame:
    """Count by windows that end when a service was silent for `gap`."""
    return events.groupBy(F.session_window("timestamp", gap).alias("window"), "service").count()
