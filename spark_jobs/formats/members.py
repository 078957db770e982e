"""Members of JSON objects by name, in Spark's functions. docs/formats.md says what is an object, and how a name is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

if TYPE_CHECKING:
    from pyspark.sql import Column

BROKEN = "\x02"  # Spark's column for text that is not JSON; no member of a spec has such a name
OPTIONS = {"columnNameOfCorruptRecord": BROKEN, "allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
TEXT = StringType()
Stages = list[dict[str, "Column"]]


def members(text: Column, names: Iterable[str], into: str) -> tuple[Stages, Mapping[str, Column]]:
    """Return stages that read an object, and the text of each member: null if it is missing, or if `text` is no object. `into` begins the
    names of the stages' columns."""
    wanted = sorted(set(names))
    inside = {first: sorted({name.partition(".")[2] for name in wanted if name.startswith(f"{first}.")}) for first in _firsts(wanted)}
    keys = [*wanted, *(first for first in inside if first not in wanted)]
    stages: Stages = [{into: _object(text, keys)}]
    here = {key: F.when(F.col(into)["broken"].isNull(), F.col(into)[f"m{n}"]) for n, key in enumerate(keys)}
    found = {name: [here[name]] for name in wanted}
    for n, (first, rest) in enumerate(inside.items()):
        more, there = members(here[first], rest, f"{into}_{n}")
        stages += more
        for name in rest:
            found[f"{first}.{name}"].append(there[name])
    return stages, {name: F.coalesce(*ways) for name, ways in found.items()}


def _firsts(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in names if "." in name))


def _object(text: Column, keys: Iterable[str]) -> Column:
    """Return the object as a struct of m0, m1, ...: names that differ only in case would be one to Spark."""
    schema = StructType([*(StructField(key, TEXT) for key in keys), StructField(BROKEN, TEXT)])
    plain = StructType([*(StructField(f"m{n}", TEXT) for n, _ in enumerate(keys)), StructField("broken", TEXT)])
    return F.from_json(F.when(F.startswith(text, F.lit("{")), text), schema, OPTIONS).cast(plain)
