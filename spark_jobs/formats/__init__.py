"""Line formats by name. To add one: a module beside this file with a `parse` of the same shape, and a line in FORMATS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from spark_jobs.formats import apache_error

if TYPE_CHECKING:
    from pyspark.sql import Column

# From the name of a time zone to stages of columns. The columns of a stage may use those of the stages before it, so that each is
# computed once. They read `value` (bytes, valid UTF-8; empty where a line is not to be looked at), never fail, and end with
#   event_ms  long, null if the line has no valid time
#   level     string, null if the line is not of this format
#   message   string, what an error says; null for other levels
Stages = list[dict[str, "Column"]]
Parse = Callable[[str], Stages]

FORMATS: Mapping[str, Parse] = {"apache_error": apache_error.parse}


def parser(name: str) -> Parse:
    """Return the parser of a line format. Raises ValueError that lists the formats."""
    if name not in FORMATS:
        raise ValueError(f"unknown line format {name!r}; use one of: {', '.join(sorted(FORMATS))}")
    return FORMATS[name]
