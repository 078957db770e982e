"""Signatures: an error's message with everything that varies masked by `*`.

The rules are data (`signature_rules`). Spark gets them as two regular expressions: one reads each message, the other joins masks in a row,
where there are any. A blank in front gives the first token a delimiter, with which every match begins: to look back at each character costs
more.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

from spark_jobs.counts.shapes import EVERY, as_class, as_pattern
from spark_jobs.counts.signature_rules import LONGEST, LONGEST_MESSAGE, MASK, ROW, SHIPPED, TOKEN, Changes, Gate, Rule, rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column

IN_FRONT = " "
ROW_SIGNS = ("* *", "* (", "*, *", "*,*", "*  *")


class Pattern(NamedTuple):
    """A regular expression, and how many of its groups hold what stays of a match."""

    expression: str
    groups: int

    def kept(self, sign: str) -> str:
        """Return the references to the groups; `sign` is what the language has before a number."""
        return "".join(f"{sign}{n + 1}" for n in range(self.groups))


def pattern(changes: Changes = SHIPPED) -> Pattern:
    """Return the rules as one regular expression, which Java and Python read alike."""
    found = rules(changes)
    return Pattern(f"({as_class(EVERY - TOKEN)}){_pattern(found)}", 1 + _groups(found))


def _pattern(rule: Rule | Gate) -> str:
    if isinstance(rule, Gate):
        return as_pattern(rule.lead) + f"(?>{'|'.join(map(_pattern, rule.rules))})"
    stays = as_pattern(rule.before)
    return (f"({stays})" if stays else "") + as_pattern(rule.masked)


def _groups(rule: Rule | Gate) -> int:
    return sum(map(_groups, rule.rules)) if isinstance(rule, Gate) else bool(as_pattern(rule.before))


def stages(changes: Changes = SHIPPED, own: Sequence[tuple[Column, Changes]] = ()) -> list[dict[str, Column]]:
    """Return stages of columns (see `spark_jobs.formats`) that add `signature` to a `message`; empty where that is null.

    `own` are the changes of single services, each with the condition that a line is of it.
    """
    message, masked = F.col("message"), F.col("_masked")
    head = F.when(F.octet_length(message) > LONGEST_MESSAGE, F.left(message, F.lit(LONGEST_MESSAGE))).otherwise(message)
    default = _tokens(head, changes)
    tokens = reduce(lambda case, one: case.when(one[0], _tokens(head, one[1])), own, F.when(F.lit(False), head)) if own else None
    in_row = reduce(or_, (F.contains(masked, F.lit(part)) for part in ROW_SIGNS))
    once = F.when(in_row, F.regexp_replace(masked, as_pattern(ROW), MASK)).otherwise(masked)
    short = F.substring(once, 1 + len(IN_FRONT), LONGEST)
    return [{"_masked": default if tokens is None else tokens.otherwise(default)}, {"signature": F.coalesce(short, F.lit(""))}]


def _tokens(head: Column, changes: Changes) -> Column:
    found = pattern(changes)
    return F.regexp_replace(F.concat(F.lit(IN_FRONT), head), found.expression, found.kept("$") + MASK)
