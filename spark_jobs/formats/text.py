"""Texts of a shape in Spark's functions: one regular expression puts what is read behind marks, and the marks are split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from spark_jobs.formats.shape import groups

if TYPE_CHECKING:
    from pyspark.sql import Column

TEXT = StringType()
MARK = "\x01"


def read(text: Column, shape: str, into: str) -> tuple[list[dict[str, Column]], Mapping[str, Column]]:
    """Return stages that match a text, and columns of what is read by the name of its group: null if the text does not fit, empty if a part
    is missing. `into` begins the names of the stages' columns."""
    found = groups(shape)
    names = [name for name in found if name != "message"] + [name for name in found if name == "message"]  # which may have marks in it
    put = "".join(MARK + "".join(f"${{{group}}}" for group in found[name]) for name in names)
    marked, parts = f"{into}_marked", f"{into}_parts"
    stages = [
        {marked: F.when(~F.startswith(text, F.lit(MARK)), F.regexp_replace(text, rf"(?s)\A{shape}\z", put))},
        {parts: F.when(F.startswith(F.col(marked), F.lit(MARK)), F.split(marked, MARK, len(names) + 1))},
    ]
    return stages, {name: F.get(F.col(parts), F.lit(n)) for n, name in enumerate(names, 1)}
