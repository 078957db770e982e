"""Signatures: an error's message with everything that varies masked by `*`.

One pass with one pattern, the rules as its alternatives: the leftmost match counts, and at one place the first rule that matches. Character
classes are ASCII, so that neither locale nor Java release changes a signature. Java and Python read the patterns alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

MASK = "*"
LONGEST_MESSAGE = 1024  # characters that a signature may depend on
LONGEST = 256  # characters of a signature


class Rule(NamedTuple):
    """What to mask after the first character, which `OPENING` has found; with an example and its result."""

    name: str
    pattern: str
    example: str
    masked: str


WORD = "[0-9A-Za-z_]"
# A digit, hexadecimal letter or slash that does not go on a word. Looked for once for all rules: a quarter less CPU than rule by rule.
OPENING = rf"[0-9A-Fa-f/\\](?<!{WORD}.)"
RULES = (
    Rule("number", rf"(?<=[0-9]){WORD}*(?:(?:::|[.:,/-]){WORD}+)*", "10.0.0.1:80 at 2015-12-20T01:02:03Z, (13) 17ms", "* at *, (*) *"),
    Rule("path", r"(?<=[/\\])[^\s,;:'\"()\[\]<>]*", "denied: /srv/a b/c, referer: http://x/y", "denied: * b/c, referer: http:*"),
    Rule("hex", rf"(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{{7,}}(?:-{WORD}+)*(?!{WORD})", "id c0ffee00-dead-beef of AH01630", "id * of AH01630"),
    Rule("ipv6", rf"(?=[A-Fa-f]*[0-9])(?:[0-9A-Fa-f]*:){{2,7}}[0-9A-Fa-f]+(?!{WORD})", "from [fe80::a:1]:80", "from [*]:*"),
)
PATTERN = OPENING + "(?:" + "|".join(rule.pattern for rule in RULES) + ")"


def stages() -> list[dict[str, Column]]:
    """Return stages of columns (see `spark_jobs.formats`) that add `signature` to a `message`; empty where that is null."""
    message, masked = F.col("message"), F.col("_masked")
    head = F.when(F.octet_length(message) > LONGEST_MESSAGE, F.left(message, F.lit(LONGEST_MESSAGE))).otherwise(message)
    short = F.when(F.octet_length(masked) > LONGEST, F.left(masked, F.lit(LONGEST))).otherwise(masked)
    return [{"_masked": F.regexp_replace(head, PATTERN, MASK)}, {"signature": F.coalesce(short, F.lit(""))}]
