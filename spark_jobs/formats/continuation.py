"""Lines that continue the line before them, told by themselves, as one regular expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.formats import shape
from spark_jobs.formats.spec import APACHE, LineFormat
from spark_jobs.formats.spec.continuations import BRACKETS, CONTINUATION, EXCEPTIONS, LONGEST_BRACKETS, LONGEST_EXCEPTION, OPENINGS

if TYPE_CHECKING:
    from pyspark.sql import Column

__all__ = ["CONTINUATION", "is_continuation"]
NAME = "[0-9A-Za-z_.$]"
EXCEPTION = rf"{NAME}{{2,{LONGEST_EXCEPTION}}}+(?<={NAME}(?:{'|'.join(EXCEPTIONS)}))(?::|\z)"


def is_continuation(text: Column, line_format: LineFormat) -> Column:
    """Return whether a text that is not of its format continues the line before."""
    return F.rlike(text, F.lit(pattern(line_format)))


def pattern(line_format: LineFormat) -> str:
    openings = "|".join(re.escape(opening) for opening in (*OPENINGS, *line_format.openings))
    brackets = rf"[{re.escape(BRACKETS)}]{{1,{LONGEST_BRACKETS}}}+\z"
    return rf"(?s)\A(?:(?![ \t]++{_head(line_format)})[ \t]|#[0-9]|{openings}|{EXCEPTION}|{brackets})"


def _head(line_format: LineFormat) -> str:
    """Return how a line of the format begins; one that was indented is misread, and no continuation."""
    if line_format.members:
        return r'\{"'
    if line_format.name == APACHE and not line_format.parts:
        return r"\[[A-Za-z]{3} [A-Za-z]{3} "
    return rf"{shape.reading(shape.of_format(line_format))}\z"
