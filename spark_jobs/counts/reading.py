"""Read each line by the format and the time zone of its service."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.counts.cells import LONGEST_SERVICE, UNKNOWN_SERVICE
from spark_jobs.counts.options import CountsOptions
from spark_jobs.counts.services import Reading, readings
from spark_jobs.formats import reader
from spark_jobs.formats.reader import Stages, in_zones

if TYPE_CHECKING:
    from pyspark.sql import Column

RESULTS = ("odd", "event_ms", "level", "message")


def stages(options: CountsOptions) -> Stages:
    """Return the stages that read lines; see `spark_jobs.formats.reader`. With one format they are that format's own."""
    found = readings(options.line_format, options.time_zone, options.services)
    if len(found) == 1:
        return _by(found[0])
    named = [_is_one_of(reading.names) for reading in found[1:]]
    conditions = [~reduce(lambda a, b: a | b, named), *named]
    each = [_where(n, condition, reading) for n, (condition, reading) in enumerate(zip(conditions, found, strict=True))]
    results = [*RESULTS, *(["named"] if names_services(options) else [])]
    joined = {name: F.coalesce(*(F.col(f"_{name}{n}") for n, reading in enumerate(found) if name in _results(reading))) for name in results}
    return [{"_whole": F.col("value")}, *(stage for stages in each for stage in stages), joined]


def names_services(options: CountsOptions) -> bool:
    """Return whether lines of some service may name their own."""
    return any(one.line_format.names_service for one in readings(options.line_format, options.time_zone, options.services))


def service(options: CountsOptions) -> Column:
    """Return the bytes that name the service of a line: those in the line, if it is counted and has any, else those of the key."""
    if not names_services(options):
        return _key()
    named = F.substring("named", 1, LONGEST_SERVICE)
    return F.when(F.col("reason").isNull() & (F.octet_length(named) > 0), named).otherwise(_key())


def _key() -> Column:
    return F.coalesce(F.substring("key", 1, LONGEST_SERVICE), F.lit(b""))


def _by(reading: Reading) -> Stages:
    others = {zone: _is_one_of(names) for zone, names in reading.zones.items()}
    return reader.stages(reading.line_format, in_zones(reading.time_zone, others))


def _where(n: int, condition: Column, reading: Reading) -> Stages:
    """Return the stages of one of several readings. To it, the lines of others are empty, which costs next to nothing."""
    before = {"value": F.when(condition, F.col("_whole")).otherwise(F.lit(b"")), f"_mine{n}": condition}
    results = {f"_{name}{n}": F.when(F.col(f"_mine{n}"), F.col(name)) for name in _results(reading)}
    return [before, *_by(reading), results]


def _results(reading: Reading) -> Sequence[str]:
    return [*RESULTS, *(["named"] if reading.line_format.names_service else [])]


def _is_one_of(names: Sequence[str]) -> Column:
    """Return whether a record's key is of one of these services."""
    keys = [key for name in names for key in ([b"", name.encode()] if name == UNKNOWN_SERVICE else [name.encode()])]
    return reduce(lambda a, b: a | b, (_key() == F.lit(key) for key in keys))
