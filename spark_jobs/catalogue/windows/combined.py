"""Events beside a static table, and beside other events."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(events: DataFrame, muted: Sequence[str] = ("trial",)) -> DataFrame:
    """Leave out the services that a static table names. What a batch needs beyond functions of a DataFrame goes into foreachBatch."""
    table = events.sparkSession.createDataFrame([(name,) for name in muted], "service STRING")
    return events.transform(lambda rows: rows.join(F.broadcast(table), "service", "left_anti").select("timestamp", "service", "level"))


def join(events: DataFrame, within: str = "30 seconds") -> DataFrame:
    """Return each error beside the warnings that its service gave in the time before it. Both sides forget what is too old to match."""
    errors = events.where("level = 'error'").select(F.col("service").alias("of"), F.col("timestamp").alias("at"), "value")
    warnings = events.where("level = 'warn'").select("service", "timestamp", F.col("value").alias("warning"))
    before = f"service = of AND timestamp BETWEEN at - INTERVAL {within} AND at"
    return errors.join(warnings, F.expr(before)).select("service", "at", "value", "warning")
