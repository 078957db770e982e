"""The time of a line in ms since 1970, of the parts that `spark_jobs.formats.shape` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, IntegerType, LongType, StringType, TimestampType

from spark_jobs.formats.shape import MONTHS

if TYPE_CHECKING:
    from pyspark.sql import Column

InUtc = Callable[["Column"], "Column"]  # from a time of the service's zone, as if it were UTC, to UTC
Parts = Mapping[str, "Column"]
NUMBER = r"\A-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+\z"
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # of the years 0001 to 9999
DAY_MS = 24 * 3_600_000
NUMBERS = "".join(f"{n:02}" for n in range(1, 13))
INT, LONG, TEXT = IntegerType(), LongType(), StringType()


def event_ms(parts: Parts, in_utc: InUtc) -> Column:
    """Return the time; null if there is none. Without a year it depends on the line's arrival: the columns `timestamp` and `append_ms`."""
    fraction = F.substring(F.concat(parts["fraction"], F.lit("000")), 1, 3).try_cast(INT) if "fraction" in parts else F.lit(0)
    if "epoch" in parts:
        return parts["epoch"].try_cast(LONG) * 1000 + fraction
    dated = _dated(parts, in_utc, _year(parts)) + fraction if "year" in parts or "shortyear" in parts else None
    if dated is not None and ("year" not in parts or "monthname" not in parts or "month" not in parts):
        return dated
    undated = _undated(parts, in_utc, fraction)
    return undated if dated is None else F.when(parts["year"] == "", undated).otherwise(dated)


def unix_ms(text: Column, per_unit: int) -> Column:
    """Return the time of a number in JSON, of which one is `per_unit` ms."""
    ms = F.when(F.rlike(text, F.lit(NUMBER)), text).try_cast(DoubleType()) * per_unit + 0.5
    return F.when(ms.between(FIRST_MS, LAST_MS + 0.99), F.floor(ms))


def _year(parts: Parts) -> Column:
    if "year" in parts:
        return parts["year"]
    short = parts["shortyear"]
    return F.concat(F.when(short < "69", "20").otherwise("19"), short)


def _month(parts: Parts) -> Column:
    """Return the month as two digits."""
    if "monthname" not in parts:
        return parts["month"]
    name = parts["monthname"]
    place = F.instr(F.lit("".join(MONTHS)), name) + 2  # 3, 6, ...
    number = F.substring(F.lit(NUMBERS), F.floor(place / 3).cast(INT) * 2 - 1, F.lit(2))
    return F.when(name == "", parts["month"]).otherwise(number) if "month" in parts else number


def _dated(parts: Parts, in_utc: InUtc, year: Column) -> Column:
    """Return the time to the second, in a year of four digits."""
    day = F.translate(parts["day"], " ", "0")
    clock = [parts["hour"], F.lit(":"), parts["minute"], F.lit(":"), parts["second"]]
    text = F.concat(year, F.lit("-"), _month(parts), F.lit("-"), day, F.lit(" "), *clock)
    time = F.when(year != "0000", text).try_cast(TimestampType())
    local = F.unix_millis(in_utc(time))
    if "offset" not in parts:
        return local
    return F.when(parts["offset"] == "", local).otherwise(F.unix_millis(time) - _offset_ms(parts["offset"]))


def _offset_ms(offset: Column) -> Column:
    hours = F.substring(offset, 2, 2).try_cast(INT)
    minutes = F.when(F.length(offset) > 3, F.substring(offset, -2, 2)).otherwise("00").try_cast(INT)
    ms = (hours * 60 + minutes) * 60_000
    return F.when(offset == "Z", 0).when((hours <= 23) & (minutes <= 59), F.when(F.startswith(offset, F.lit("-")), -ms).otherwise(ms))


def _undated(parts: Parts, in_utc: InUtc, fraction: Column) -> Column:
    """Return the latest such time that is at most a day after the line's arrival, of the years around it."""
    year, latest = F.year("timestamp"), F.col("append_ms") + DAY_MS
    there = [_dated(parts, in_utc, F.lpad((year + n).cast(TEXT), 4, "0")) + fraction for n in (1, 0, -1)]
    return F.coalesce(*(F.when(one <= latest, one) for one in there))
