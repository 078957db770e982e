"""Sign messages without Spark: a scanner over bytes that runs the rules of `spark_jobs.counts.signature_rules` as they are.

It shares the rules with the job, not the code: the job has them as a regular expression. For tests and for few messages, a millisecond
each. A native scanner can follow it line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

from spark_jobs.counts.shapes import OTHERS, After, Ahead, Chars, First, Many, Run, Seq, Shape, Text
from spark_jobs.counts.signature_rules import LONGEST, LONGEST_MESSAGE, MASK, ROW, SHIPPED, TOKEN, Changes, Gate, Rule, rules

ASTERISK = MASK.encode()


def sign(message: str, changes: Changes = SHIPPED) -> str:
    """Return the signature of a message."""
    found = scan(b" " + message[:LONGEST_MESSAGE].encode(), _rules(changes))
    return once(found).decode()[1 : 1 + LONGEST]


@lru_cache(10_000)
def signed_again(signature: str) -> str:
    """Return the signature that the present rules make of one of earlier rules. A mask is signed as a digit, which all versions mask."""
    return sign(signature.replace(MASK, "0"))


def scan(data: bytes, known: Gate) -> bytes:
    """Mask what the rules find behind each character that is none of TOKEN, and that no mask has taken."""
    told, at = bytearray(), 0
    while at < len(data):
        found = None if _is(data[at], TOKEN) else _found(known, data, at + 1)
        start, end = found or (at + 1, at + 1)
        told += data[at:start] + (ASTERISK if found else b"")
        at = end
    return bytes(told)


def once(data: bytes) -> bytes:
    """Mask what was masked in a row once."""
    told, at = bytearray(), 0
    while at < len(data):
        end = fits(ROW, data, at)
        told += data[at : at + 1] if end is None else ASTERISK
        at = at + 1 if end is None else end
    return bytes(told)


def fits(shape: Shape, data: bytes, at: int) -> int | None:
    """Return where the shape ends that begins at this place; None if it does not fit here."""
    match shape:
        case Run(chars, least, most):
            return _run(chars, least, most, data, at)
        case Text(literals, any_case):
            there = data[at:].lower() if any_case else data[at:]
            wanted = [(literal.lower() if any_case else literal).encode() for literal in literals]
            return max((at + len(literal) for literal in wanted if there.startswith(literal)), default=None)
        case Seq(parts):
            end: int | None = at
            for part in parts:
                end = fits(part, data, end) if end is not None else None
            return end
        case First(shapes):
            return next((end for one in shapes if (end := fits(one, data, at)) is not None), None)
        case Many(inner, least, most):
            ends = list(islice(_ends(inner, data, at), most))
            return None if len(ends) < least else ends[-1] if ends else at
        case Ahead(inner, there_it_is):
            return at if (fits(inner, data, at) is not None) is there_it_is else None
        case After(chars, there_it_is):
            return at if (at > 0 and _is(data[at - 1], chars)) is there_it_is else None


def _found(rule: Rule | Gate, data: bytes, at: int) -> tuple[int, int] | None:
    """Return from where to where the first rule that fits masks."""
    if isinstance(rule, Gate):
        if fits(rule.lead, data, at) is None:
            return None
        return next((place for one in rule.rules if (place := _found(one, data, at))), None)
    start = fits(rule.before, data, at)
    end = None if start is None else fits(rule.masked, data, start)
    return None if start is None or end is None else (start, end)


def _run(chars: Chars, least: int, most: int | None, data: bytes, at: int) -> int | None:
    found = 0
    while at < len(data) and found != most and _is(data[at], chars):
        at += _width(data[at])
        found += 1
    return at if found >= least else None


def _ends(shape: Shape, data: bytes, at: int) -> Iterator[int]:
    """Yield the ends of a shape that is repeated."""
    while (end := fits(shape, data, at)) is not None:
        yield end
        at = end


def _is(byte: int, chars: Chars) -> bool:
    return chr(byte) in chars if byte < 128 else chars >= OTHERS


def _width(byte: int) -> int:
    """Return how many bytes the character has that begins with this one."""
    return 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


_rules = cache(rules)
