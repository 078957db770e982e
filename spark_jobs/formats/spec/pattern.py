"""The syntax of a line's pattern: `%{time} %{level} [%{thread}] %(#%{id} %)%{message}` as parts.

`%{name}` is a field, `%( ... %)` a part that may be missing, `%%` a percent sign; all else is literal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

TOKEN = re.compile(r"%\{([A-Za-z_][A-Za-z0-9_.]*)\}|%(.?)|([^%]+)", re.DOTALL)
TIME, LEVEL, MESSAGE, SERVICE = "time", "level", "message", "service"
SPECIAL = (TIME, LEVEL, MESSAGE, SERVICE)
LONGEST = 1000  # characters of a pattern
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f]")  # a line has no LF, and parsers mark with 01


@dataclass(frozen=True)
class Literal:
    """Text that stands in every line."""

    text: str


@dataclass(frozen=True)
class Field:
    """A part that varies, by its name."""

    name: str


@dataclass(frozen=True)
class Maybe:
    """Parts that are there or not, all of them."""

    parts: tuple[Literal | Field, ...]


Part = Literal | Field | Maybe
P = TypeVar("P", bound=Part)


def parsed(pattern: str) -> tuple[Part, ...]:
    """Return the parts of a pattern. Raises ValueError that says what is wrong with it."""
    if len(pattern) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    return checked(tuple(_parts(TOKEN.finditer(pattern))))


def _parts(tokens: Iterator[re.Match[str]]) -> Iterator[Part]:
    outer: list[Part] = []
    inner: list[Literal | Field] | None = None
    for token in tokens:
        name, escape, text = token.groups()
        if escape == "(" and inner is None:
            inner = []
        elif escape == ")" and inner is not None:
            outer.append(Maybe(tuple(joined(inner))))
            inner = None
        elif text or escape == "%" or name:
            (outer if inner is None else inner).append(Field(name) if name else Literal(text or "%"))
        else:
            raise ValueError(f"{token[0]!r} at character {token.start() + 1} is not one of %{{name}}, %( %) around a part, %%")
    if inner is not None:
        raise ValueError("%( has no %)")
    return joined(outer)


def joined(parts: Iterable[P]) -> Iterator[P | Literal]:
    """Yield the parts with neighbouring literals as one."""
    text = ""
    for part in parts:
        if isinstance(part, Literal):
            text += part.text
            continue
        if text:
            yield Literal(text)
        text = ""
        yield part
    if text:
        yield Literal(text)


def checked(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts. Raises ValueError unless they can be found from left to right, without trying."""
    names = [part.name for part in flat(parts) if isinstance(part, Field)]
    if twice := [name for name in SPECIAL if names.count(name) > 1]:
        raise ValueError(f"%{{{twice[0]}}} stands twice")
    if TIME not in names:
        raise ValueError("has no %{time}")
    if not parts or parts[-1] != Field(MESSAGE):
        raise ValueError("must end with %{message}")
    for part in parts:
        if isinstance(part, Maybe):
            _check_maybe(part)
    for part, after in pairwise(parts):
        if isinstance(part, Field) and not isinstance(after, Literal):
            raise ValueError(f"%{{{part.name}}} needs a literal after it, which says where it ends")
    if any(CONTROL.search(part.text) for part in flat(parts) if isinstance(part, Literal)):
        raise ValueError("has a control character")
    return parts


def _check_maybe(maybe: Maybe) -> None:
    parts = maybe.parts
    if len(parts) < 1 or not isinstance(parts[0], Literal) or not isinstance(parts[-1], Literal):
        raise ValueError("a part that may be missing must begin and end with a literal")
    if any(isinstance(a, Field) and isinstance(b, Field) for a, b in pairwise(parts)):
        raise ValueError("fields need a literal between them")
    if found := [part.name for part in parts if isinstance(part, Field) and part.name in (TIME, LEVEL, MESSAGE)]:
        raise ValueError(f"%{{{found[0]}}} must not stand in a part that may be missing")


def flat(parts: Iterable[Part]) -> Iterator[Literal | Field]:
    """Yield the parts, and those of parts that may be missing."""
    for part in parts:
        if isinstance(part, Maybe):
            yield from part.parts
        else:
            yield part
