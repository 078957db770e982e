"""The syntax of a time format: `%Y-%m-%d %H:%M:%S,%f`, or a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from spark_jobs.formats.spec.pattern import CONTROL, Field, Literal

ISO, UNIX, UNIX_MS = "iso8601", "unix", "unix_ms"
NAMED = (ISO, UNIX, UNIX_MS)  # the last two are numbers, for JSON
DIRECTIVES = "YymdebaHMSfzs"
TOKEN = re.compile(r"%(.?)|([^%]+)", re.DOTALL)
NEEDED = (("hour", "H"), ("minute", "M"), ("second", "S"), ("day", "de"), ("month", "mb"))
DIGITS = "YymdeHMSs"  # directives that begin with a digit
LONGEST = 100  # characters


@dataclass(frozen=True)
class TimeFormat:
    """How a time is written: a name, or elements, in which a Field is a directive such as `Y`."""

    name: str = ""
    elements: tuple[Literal | Field, ...] = ()

    @property
    def has_year(self) -> bool:
        """Return whether a time says its year; else it comes from the line's arrival."""
        return bool(self.name) or any(element in (Field("Y"), Field("y"), Field("s")) for element in self.elements)


def parsed(text: str) -> TimeFormat:
    """Return a time format. Raises ValueError that says what is wrong with it."""
    if text in NAMED:
        return TimeFormat(text)
    if not text or len(text) > LONGEST or "%" not in text:
        raise ValueError(f"must be one of {', '.join(NAMED)}, or directives such as %Y-%m-%d %H:%M:%S,%f")
    elements = tuple(_elements(text))
    _check(elements)
    return TimeFormat(elements=elements)


def _elements(text: str) -> Iterator[Literal | Field]:
    for token in TOKEN.finditer(text):
        directive, literal = token.groups()
        if literal or directive == "%":
            yield Literal(literal or "%")
        elif directive and directive in DIRECTIVES:
            yield Field(directive)
        else:
            raise ValueError(f"{token[0]!r} is not a directive; use {' '.join('%' + d for d in DIRECTIVES)} %%")


def _check(elements: tuple[Literal | Field, ...]) -> None:
    names = [element.name for element in elements if isinstance(element, Field)]
    if any(CONTROL.search(element.text) for element in elements if isinstance(element, Literal)):
        raise ValueError("has a control character")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"%{twice[0]} stands twice")
    if "s" in names:
        if set(names) - {"s", "f"}:
            raise ValueError("%s, the seconds since 1970, stands alone or with %f")
    else:
        _check_calendar(names)
    for one, after in pairwise(elements):
        digit = after.name in DIGITS if isinstance(after, Field) else after.text[0].isdigit()
        if one in (Field("f"), Field("s")) and (digit or after == Field("f")):
            raise ValueError("%f and %s have no fixed length: no digit may follow them")


def _check_calendar(names: list[str]) -> None:
    for what, either in NEEDED:
        found = [name for name in names if name in either]
        if len(found) != 1:
            raise ValueError(f"needs one {what}: {' or '.join('%' + name for name in either)}")
    if "Y" in names and "y" in names:
        raise ValueError("has two years: %Y and %y")
