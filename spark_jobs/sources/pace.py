"""How many lines a batch may have: few after a start, so that the first counts come soon, and many if the backlog is large. Pure.

A batch has a fixed cost, about as much as reading 100,000 lines: a large backlog is read cheaper in large batches. But a batch that is cut
short by a kill is done again, and nothing of it can be seen before it lands.
"""

from __future__ import annotations

FIRST = 50_000  # lines, of the first batch after a start
GROWTH = 4  # times the last limit, at most: the duration of a larger batch is not known in advance
FULL = 0.9  # of the limit: Spark divides it among partitions, and rounds down
LANDS_IN_S = 5.0  # how long a full batch should take; with 2 s a busy machine read a backlog in batches of 50,000, at twice the CPU


def next_limit(limit: int, lines: int, seconds: float, most: int) -> int:
    """Return the limit of the next batch. `lines` and `seconds` are those of the last batch, `limit` was its limit, `most` the bound."""
    if lines < FULL * limit:
        return limit  # no backlog: the speed of a small batch says little about a full one
    fitting = int(lines / max(seconds, 0.001) * LANDS_IN_S)
    return min(most, max(FIRST, min(fitting, limit * GROWTH)))
