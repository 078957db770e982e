"""Shapes: what a piece of text looks like, as data. A shape either takes text from one place on, always the same, or does not fit there.

Nothing is ever given back: a run takes all that it can, and of alternatives the first that fits counts. So a scanner needs one pass and no
memory, and a regular expression of atomic parts (`as_pattern`) takes the same. Characters are ASCII, or OTHERS: all beyond it, so that a
scanner over bytes and one over characters agree.
"""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

ASCII = frozenset(map(chr, range(128)))
DIGITS = frozenset(string.digits)
LOWER = frozenset(string.ascii_lowercase)
UPPER = frozenset(string.ascii_uppercase)
LETTERS = LOWER | UPPER
HEX = frozenset(string.hexdigits)
BLANK = frozenset(" \t\n\v\f\r")
OTHERS = frozenset({"\x80"})  # stands for every character beyond ASCII
EVERY = ASCII | OTHERS
PLAIN = frozenset(" _,;:'\"/@%=<>!~")  # signs that mean themselves in a regular expression, also in a class
Chars = frozenset[str]


@dataclass(frozen=True)
class Run:
    """As many of the characters as there are, from `least` up to `most`."""

    chars: Chars
    least: int = 1
    most: int | None = None


@dataclass(frozen=True)
class Text:
    """The longest of these literals that is there."""

    literals: tuple[str, ...]
    any_case: bool = False


@dataclass(frozen=True)
class Seq:
    """One shape after the other."""

    parts: tuple[Shape, ...]


@dataclass(frozen=True)
class First:
    """The first of the shapes that fits."""

    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Many:
    """A shape as often as it fits, from `least` up to `most` times."""

    shape: Shape
    least: int = 0
    most: int | None = None


@dataclass(frozen=True)
class Ahead:
    """The shape fits here (or, if not `there`, does not); takes nothing."""

    shape: Shape
    there: bool = True


@dataclass(frozen=True)
class After:
    """The character before this place is one of these (or, if not `there`, is none of them, or is not there); takes nothing."""

    chars: Chars
    there: bool = True


Shape = Run | Text | Seq | First | Many | Ahead | After


def seq(*parts: Shape | str) -> Seq:
    """Return the parts one after the other; a string is a literal."""
    return Seq(tuple(text(part) if isinstance(part, str) else part for part in parts))


def first(*shapes: Shape) -> First:
    return First(shapes)


def text(*literals: str, any_case: bool = False) -> Text:
    return Text(literals, any_case)


def one(chars: Chars) -> Run:
    return Run(chars, 1, 1)


def maybe(*parts: Shape | str) -> Many:
    return Many(seq(*parts), 0, 1)


def ahead(*parts: Shape | str) -> Ahead:
    return Ahead(seq(*parts))


def unless(*parts: Shape | str) -> Ahead:
    return Ahead(seq(*parts), there=False)


def as_pattern(shape: Shape) -> str:
    """Return a regular expression that takes the same text. Java and Python read it alike: every part is atomic, every class ASCII."""
    match shape:
        case Run(chars, least, most):
            return as_class(chars) + _times(least, most)
        case Text(literals, any_case):
            return _tree([literal.lower() for literal in literals] if any_case else literals, any_case)
        case Seq(parts):
            return "".join(map(as_pattern, parts))
        case First(shapes):
            return f"(?>{'|'.join(map(as_pattern, shapes))})"
        case Many(inner, least, most):
            return f"(?:{as_pattern(inner)}){_times(least, most)}"
        case Ahead(inner, there):
            return f"(?{'=' if there else '!'}{as_pattern(inner)})"
        case After(chars, there):
            return f"(?<{'=' if there else '!'}{as_class(chars)})"


def as_class(chars: Chars) -> str:
    """Return a character class, a negated one if the characters beyond ASCII belong to it."""
    negated = chars >= OTHERS
    listed = sorted(ASCII - chars if negated else chars)
    return f"[{'^' if negated else ''}{''.join(_escaped(char) for char in listed)}]"


def _escaped(char: str) -> str:
    """Return a character as it is meant literally, in a class or outside of one."""
    if char.isalnum() or char in PLAIN or char not in ASCII:
        return char
    return f"\\{char}" if char > " " else f"\\x{ord(char):02x}"


def _tree(literals: Iterable[str], any_case: bool) -> str:
    """Return a pattern that looks at each character once, however many literals there are."""
    ends = defaultdict[str, set[str]](set)
    for literal in filter(None, literals):
        ends[literal[0]].add(literal[1:])
    ways = [_letter(char, any_case) + _tree(sorted(rest), any_case) for char, rest in sorted(ends.items())]
    if not ways:
        return ""
    found = ways[0] if len(ways) == 1 else f"(?>{'|'.join(ways)})"
    return f"(?:{found})?+" if "" in literals else found


def _letter(char: str, any_case: bool) -> str:
    return f"[{char.lower()}{char.upper()}]" if any_case and char in LETTERS else _escaped(char)


def _times(least: int, most: int | None) -> str:
    if (least, most) == (1, 1):
        return ""
    signs = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    return signs.get((least, most), f"{{{least},{'' if most is None else most}}}") + "+"
