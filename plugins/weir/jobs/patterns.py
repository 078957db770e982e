"""Which patterns of topics a job may have: those that match any name in reasonable time. Pure.

The watch matches the patterns of all jobs against all topics: with `(a+)+b`, a name of 26 letters took 1.5 s, and each further letter twice
as long. No other job was looked at meanwhile.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

MOST = 4  # parts of variable length: a name has 249 characters at most, and each part may multiply the time by as many
_parser: Any = re._parser  # type: ignore[attr-defined]  # nobody else tells the structure of a pattern
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def checked(pattern: str) -> str:
    """The pattern. Raises ValueError if Python cannot read it, if Java would read it in another way, or if it may take too long."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # of sets such as [a-z&&[^b]], which Spark, in Java, takes for an intersection
            re.compile(pattern)
            parsed = _parser.parse(pattern)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression that Python and Java read alike: {error}") from error
    found = list(_variable(parsed, repeated=False))
    if True in found:
        raise ValueError("may take too long: a group that is repeated may have no alternatives and no repeats of its own")
    if len(found) > MOST:
        raise ValueError(f"may take too long: it has {len(found)} parts of variable length, of {MOST} at most")
    return pattern


def _variable(part: Any, repeated: bool) -> Iterator[bool]:
    """For each part that may match in several ways, whether it is inside one that is repeated."""
    if isinstance(part, _parser.SubPattern):
        for operation, value in part:
            name = str(operation)
            again = name in REPEATS and value[1] > 1
            if (name in REPEATS and value[0] != value[1]) or (name == "BRANCH" and repeated):
                yield repeated
            yield from _variable(value, repeated or again)
    elif isinstance(part, tuple | list):
        for one in part:
            yield from _variable(one, repeated)
