"""The rows of CSV files as they are, and beside them those of a topic if the spec names one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    rows = inputs["files"].select("id", "text")
    if "lines" not in inputs:
        return rows
    lines = inputs["lines"].select(F.col("key").cast("string").cast("long").alias("id"), F.col("value").cast("string").alias("text"))
    return rows.union(lines)
