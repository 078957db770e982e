"""The level of a line, from its name or from syslog's priority."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType

from spark_jobs.formats.spec.levels import LEVELS, MOST_PRIORITY, SEVERITIES

if TYPE_CHECKING:
    from pyspark.sql import Column

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def level_of(name: Column, names: Mapping[str, str]) -> Column:
    """Return the level of a name; null if it is unknown. `names` are in lower case."""
    small = F.translate(name, CAPITALS, CAPITALS.lower())  # not F.lower: see apache_error
    spellings = defaultdict(list)
    for spelling, level in names.items():
        spellings[level].append(spelling)
    pairs = [(small.isin(*spellings[level]), F.lit(level)) for level in LEVELS if level in spellings]
    return reduce(lambda case, pair: case.when(*pair), pairs[1:], F.when(*pairs[0]))


def level_of_priority(priority: Column) -> Column:
    """Return the level of a priority in digits; null if there is no such priority."""
    number = priority.try_cast(IntegerType())
    severity = number % 8
    cases = reduce(lambda case, n: case.when(severity == n, SEVERITIES[n]), range(1, 8), F.when(severity == 0, SEVERITIES[0]))
    return F.when(number <= MOST_PRIORITY, cases)
