"""The time zones that the driver's Java must know: Spark reads local times by its rules, and not by Python's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import PySparkException


class UnknownZone(Exception):
    """A time zone that the driver's Java does not know, so that no line of it can be read."""


def zones_in(options: Any) -> Iterator[str]:
    """Yield the time zones that options name, at any depth."""
    for name, value in options.items() if isinstance(options, Mapping) else ():
        if name == "time_zone" and isinstance(value, str):
            yield value
        yield from zones_in(value)


def require(zones: Iterable[str]) -> None:
    """Raise UnknownZone unless Java knows all of them. Without it the first batch fails, again and again, as if its lines were at fault."""
    context = SparkContext._active_spark_context
    assert context is not None
    jvm: Any = context._jvm
    ids = jvm.java.time.ZoneId
    for zone in sorted(set(zones)):
        try:
            ids.of(zone, ids.SHORT_IDS)
        except (Py4JJavaError, PySparkException) as error:
            java = jvm.java.lang.System.getProperty("java.version")
            raise UnknownZone(
                f"the driver's Java, {java}, does not know the time zone {zone}: install a newer one, or name another zone"
            ) from error
