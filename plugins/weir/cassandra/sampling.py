"""Some batches of a long ledger, spread over a time, without reading the rest: 600,000 of a week, for a plot a hundred points wide.

Rows of the ledger are found by day and position, not by time. But batches follow on one another and their claims grow with time, so a few,
looked up by position, show where the time begins and ends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate

from spark_jobs.protocol.head import Head, Position

PROBES = 32  # in one round: three of them tell 32,768 places apart
ROUNDS = 3
Fetch = Callable[[Collection[Position]], Mapping[Position, Head]]  # what the ledger has at these positions


class Places:
    """The positions of all landed batches, numbered from 0 in their order. `spans` has, by attempt, the first and the last batch."""

    def __init__(self, spans: Mapping[int, tuple[int, int]]) -> None:
        self._spans = sorted((attempt, first, last) for attempt, (first, last) in spans.items() if last >= first)
        self._begins = [0, *accumulate(last - first + 1 for _, first, last in self._spans)]

    def __len__(self) -> int:
        return self._begins[-1]

    def __getitem__(self, n: int) -> Position:
        which = bisect_right(self._begins, n) - 1
        attempt, first, _ = self._spans[which]
        return attempt, first + n - self._begins[which]


def spread(first: int, last: int, most: int) -> Sequence[int]:
    """At most so many numbers from first to last, both included, as evenly as whole numbers can be; all of them if they are fewer."""
    there = last - first + 1
    if there <= most:
        return range(first, last + 1)
    return sorted({first + round(i * (last - first) / max(1, most - 1)) for i in range(most)})


def between(places: Places, ends: tuple[Position, Position], fetch: Fetch, since: int, until: int, most: int) -> list[Head]:
    """The batches claimed in [since, until) (ms): all of them, or at most `most` that are spread evenly. `ends` are the first and the last
    position of the days that `fetch` looks at."""
    first, last = bisect_left(places, ends[0]), bisect_right(places, ends[1]) - 1
    for _ in range(ROUNDS):
        if last - first < most:
            break
        first, last = narrowed(_fetched(places, fetch, spread(first, last, PROBES)), first, last, since, until)
    found = _fetched(places, fetch, spread(first, last, most))
    return [head for _, head in sorted(found.items()) if since * 1000 <= head.write_ts < until * 1000]


def narrowed(probes: Mapping[int, Head], first: int, last: int, since: int, until: int) -> tuple[int, int]:
    """From the last probe before the time to the first one after it."""
    before = [n for n, head in probes.items() if head.write_ts < since * 1000]
    after = [n for n, head in probes.items() if head.write_ts >= until * 1000]
    return max(before, default=first), min(after, default=last)


def _fetched(places: Places, fetch: Fetch, numbers: Sequence[int]) -> dict[int, Head]:
    by_position = {places[n]: n for n in numbers}
    return {by_position[position]: head for position, head in fetch(by_position).items()}
