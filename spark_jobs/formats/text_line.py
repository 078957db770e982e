"""Lines that are text: of a pattern, of nginx, of httpd with its own ErrorLogFormat, of syslog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType

from spark_jobs.formats import shape
from spark_jobs.formats.level import level_of, level_of_priority
from spark_jobs.formats.members import Stages
from spark_jobs.formats.moment import InUtc, Parts, event_ms
from spark_jobs.formats.spec import LineFormat
from spark_jobs.formats.text import TEXT, read

if TYPE_CHECKING:
    from pyspark.sql import Column


def parse(line_format: LineFormat, in_utc: InUtc) -> Stages:
    """Return stages of columns; see `spark_jobs.formats`."""
    matched, parts = read(F.col("value").cast(TEXT), shape.of_format(line_format), "_line")
    found = {
        "level": _level(parts, line_format),
        "message": F.trim(parts["message"]),
        **({"named": F.trim(parts["service"]).cast(BinaryType())} if "service" in parts else {}),
    }
    return [*matched, found, {"event_ms": event_ms(parts, in_utc)}]


def _level(parts: Parts, line_format: LineFormat) -> Column:
    """Return the level, null for a line that does not fit."""
    if "priority" in parts:
        there = level_of_priority(parts["priority"])
        return F.when(parts["priority"] == "", line_format.default_level).otherwise(there) if line_format.default_level else there
    if "level" in parts:
        return level_of(parts["level"], line_format.levels)
    return F.when(parts["message"].isNotNull(), line_format.default_level)
