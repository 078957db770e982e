"""Parse samples of rejected lines again with the present parser, as a driver would. Counts nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.transform import Plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = "sample int, key binary, value binary, timestamp timestamp"
CONF = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}


class Outcome(NamedTuple):
    """The present result for a line: a reason for its rejection, or its level and event time (ms).

    A line of unknown append time is never rejected as dated too far ahead.
    """

    reason: str | None
    level: str | None
    event_ms: int | None


def session() -> SparkSession:
    """Return a Spark session of this process alone, which listens on no network."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("weir-reparse")
    for name, value in CONF.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def outcomes(spark: SparkSession, options: CountsOptions, lines: Sequence[RejectedLine]) -> list[Outcome]:
    """Return the outcome of each line, in order."""
    rows = [(n, line.service.encode(), line.value, _moment(line.append_ms)) for n, line in enumerate(lines)]
    judged = Plan(options).judged(spark.createDataFrame(rows, SCHEMA)).select("sample", "reason", "level", "event_ms")
    found = {n: Outcome(*rest) for n, *rest in judged.collect()}
    return [found[n] for n in range(len(lines))]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
