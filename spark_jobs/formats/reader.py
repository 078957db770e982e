"""Read the lines of a format in Spark's built-in functions. docs/formats.md says what each format accepts, `spec` how a job names it.

Stages are lists of columns. The columns of a stage may use those of the stages before it, so that each is computed once. They read `value`
(bytes, valid UTF-8; empty where a line is not to be looked at) and, for times without a year, `timestamp` and `append_ms`. They never fail,
and end with
  odd       string, why a line is not of this format; null if it is
  event_ms  long, null if the line has no valid time
  level     string, null if the line is not of this format
  message   string, what an error says; null for other levels
  named     bytes, the service that the line names, only where the format has one; null or empty if it names none
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.formats import apache_error, json_line, text_line
from spark_jobs.formats.container import unwrap
from spark_jobs.formats.continuation import CONTINUATION, is_continuation
from spark_jobs.formats.members import Stages
from spark_jobs.formats.moment import InUtc
from spark_jobs.formats.spec import APACHE, LineFormat
from spark_jobs.formats.spec.levels import ERRORS
from spark_jobs.formats.text import TEXT

if TYPE_CHECKING:
    from pyspark.sql import Column

__all__ = ["CONTINUATION", "InUtc", "Stages", "in_zones", "stages"]
NOT_A_LOG_LINE = "not_a_log_line"


def stages(line_format: LineFormat, in_utc: InUtc) -> Stages:
    """Return the stages that read lines of this format. The session's own time zone must be UTC."""
    message = F.when(F.col("level").isin(*ERRORS), F.col("message"))
    return [*unwrap(line_format.containers), *_parsed(line_format, in_utc), {"odd": _odd(line_format), "message": message}]


def in_zones(time_zone: str, others: Mapping[str, Column] | None = None) -> InUtc:
    """Return how a local time becomes UTC: by `time_zone`, or by another zone where its condition holds."""

    def in_utc(time: Column) -> Column:
        found = _in_utc(time, time_zone)
        for zone, condition in (others or {}).items():
            found = F.when(condition, _in_utc(time, zone)).otherwise(found)
        return found

    return in_utc


def _in_utc(time: Column, time_zone: str) -> Column:
    return time if time_zone == "UTC" else F.to_utc_timestamp(time, time_zone)


def _parsed(line_format: LineFormat, in_utc: InUtc) -> Stages:
    if line_format.members:
        return json_line.parse(line_format, in_utc)
    if line_format.name == APACHE and not line_format.parts:
        return apache_error.parse(in_utc)
    return text_line.parse(line_format, in_utc)


def _odd(line_format: LineFormat) -> Column:
    """Return why a line is not of its format. Nothing of it is computed for lines that are."""
    text, reason = F.col("value").cast(TEXT), F.lit(NOT_A_LOG_LINE)
    if line_format.continuations:
        reason = F.when(is_continuation(text, line_format), CONTINUATION).otherwise(reason)
    if line_format.containers:
        reason = F.when(F.octet_length("value") == 0, "empty").otherwise(reason)
    return F.when(F.col("level").isNull(), reason)
