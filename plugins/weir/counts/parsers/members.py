"""JSON objects of lines, and the text of their members."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

DEEPEST = 1000  # levels of nesting, the outermost included
MOST_DIGITS = 1000  # of a number, its exponent's included
LONGEST_NAME = 50_000  # UTF-16 units
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
ROOM = 4 * DEEPEST  # frames: the parser calls itself for each level of nesting


class Number(str):
    """The text of a number as JSON has it; `-0` is `0`."""

    __slots__ = ()


class _TooMuch(ValueError):
    """A limit is exceeded, or it is a constant that JSON does not have."""


def object_at_start(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text begins with; None if it begins with none. What follows it is ignored."""
    if not text.startswith("{") or _too_deep(text):
        return None
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, ROOM))
    try:
        found, _ = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    finally:
        sys.setrecursionlimit(before)
    return found if isinstance(found, dict) else None


def lookup(found: dict[str, Any], name: str) -> Any:
    """Return a member by its whole name, or by its parts through objects; None if it is missing or null."""
    value = found.get(name)
    if value is not None:
        return value
    first, dot, rest = name.partition(".")
    inner = found.get(first) if dot else None
    if isinstance(inner, str) and not isinstance(inner, Number):
        inner = object_at_start(inner)
    return lookup(inner, rest) if isinstance(inner, dict) else None


def text_of(value: Any) -> str | None:
    """Return the text of a value; None for null."""
    if value is None or isinstance(value, str):
        return value if not isinstance(value, str) or isinstance(value, Number) else _whole(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs."""
    return text if text.isascii() else "".join("?" if "\ud800" <= c <= "\udfff" else c for c in text)


def _too_deep(text: str) -> bool:
    depth = 0
    for token in TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return False
    return False


def _number(text: str) -> Number:
    if sum(c.isdigit() for c in text) > MOST_DIGITS:
        raise _TooMuch
    return Number("0" if text == "-0" else text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if any(len(name) > LONGEST_NAME or (len(name) > LONGEST_NAME // 2 and _units(name) > LONGEST_NAME) for name, _ in pairs):
        raise _TooMuch
    return dict(pairs)


def _units(name: str) -> int:
    return sum(2 if c > "\uffff" else 1 for c in name)


def _constant(_: str) -> Any:
    raise _TooMuch


DECODER = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_constant, object_pairs_hook=_object)
