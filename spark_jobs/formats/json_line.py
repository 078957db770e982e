"""Lines that are JSON objects: ECS, logstash's, or any with named members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType

from spark_jobs.formats import shape
from spark_jobs.formats.level import level_of
from spark_jobs.formats.members import Stages, members
from spark_jobs.formats.moment import NUMBER, InUtc, event_ms, unix_ms
from spark_jobs.formats.spec import LineFormat
from spark_jobs.formats.spec.times import UNIX, UNIX_MS
from spark_jobs.formats.text import MARK, TEXT, read

if TYPE_CHECKING:
    from pyspark.sql import Column

PER_UNIT = {UNIX: 1000, UNIX_MS: 1}


def parse(line_format: LineFormat, in_utc: InUtc) -> Stages:
    """Return stages of columns; see `spark_jobs.formats`."""
    read_members, found = members(F.col("value").cast(TEXT), line_format.members.values(), "_json")
    texts = {f"_{name}": found[member] for name, member in line_format.members.items()}
    level = level_of(F.trim("_level"), line_format.levels)
    if line_format.default_level:
        level = F.when(F.col("_level").isNull(), line_format.default_level).otherwise(level)
    fits = F.col("_time").isNotNull()
    if "_service" in texts:
        fits = fits & ~F.coalesce(F.contains("_service", F.lit(MARK)), F.lit(False))
    columns = {
        "level": F.when(fits, level),
        "message": F.coalesce(F.trim("_message"), F.lit("")),
        **({"named": _service()} if "_service" in texts else {}),
    }
    timed, moment = _event_ms(line_format, in_utc)
    return [*read_members, texts, columns, *timed, {"event_ms": moment}]


def _event_ms(line_format: LineFormat, in_utc: InUtc) -> tuple[Stages, Column]:
    name = line_format.time_format.name
    if name in PER_UNIT:
        return [], unix_ms(F.col("_time"), PER_UNIT[name])
    matched, parts = read(F.col("_time"), shape.of_time(line_format.time_format), "_time")
    return matched, event_ms(parts, in_utc)


def _service() -> Column:
    """Return the text of the service, unless it is that of a number, an object or a list."""
    text = F.trim("_service")
    return F.when(~F.rlike(text, F.lit(rf"\A[{{\[]|{NUMBER}")), text).cast(BinaryType())
