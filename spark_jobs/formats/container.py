"""What stands around a line: Docker's JSON, CRI's and compose's prefixes, syslog's header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType

from spark_jobs.formats import shape
from spark_jobs.formats.members import Stages, members
from spark_jobs.formats.spec.fields import COMPOSE, CRI
from spark_jobs.formats.text import TEXT, read

if TYPE_CHECKING:
    from pyspark.sql import Column

PREFIXES = {CRI: shape.CRI, COMPOSE: shape.COMPOSE, **shape.SHAPES}


def unwrap(containers: Sequence[str]) -> Stages:
    """Return stages that take the containers off `value`, the outermost first; it is null if one does not fit."""
    stages: Stages = []
    for n, container in enumerate(containers):
        more, inside = _inside(container, f"_around{n}")
        stages += [*more, {"value": inside.cast(BinaryType())}]
    return stages


def _inside(container: str, into: str) -> tuple[Stages, Column]:
    text = F.col("value").cast(TEXT)
    kind, _, name = container.partition(":")
    if kind == "json":
        stages, found = members(text, [name], into)
        return stages, _without_lf(found[name].cast(BinaryType()))
    stages, parts = read(text, shape.reading(PREFIXES[kind], "message"), into)
    return stages, parts["message"]


def _without_lf(value: Column) -> Column:
    return F.when(F.substring(value, -1, 1) == F.lit(b"\n"), F.substring(value, F.lit(1), F.octet_length(value) - 1)).otherwise(value)
