"""Select the windows of a rule to evaluate: each closed one once, and again those that late lines reached. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, hour_of
from spark_jobs.protocol.head import Head, Offsets
from weir.counts.closed import NOTHING, at_rest, closed_until
from weir.counts.rules import Rules

AMENDED_WITHIN_MS = 7 * DAY_MS  # late lines change older windows' counts, but send no message
MOST_HOURS = 6  # with counts, in one pass: after a long outage the next passes continue
MOST_WINDOWS = 100_000  # in one pass


@dataclass(frozen=True)
class Span:
    """Adjacent windows: they begin in [start, end), and the last one ends at `end` (ms)."""

    start: int
    end: int

    def starts(self, width: int) -> range:
        return range(self.start, self.end, width)


def settled_until(head: Head, rules: Rules, end_offsets: Offsets | None, now: int) -> int:
    """Return the time (ms) up to which windows may be evaluated: they are closed and in the past. NOTHING if nothing is closed yet.

    If the job has read everything, this is now less the allowed lateness: silence closes no pane, and some rules wait for silence.
    """
    closed = closed_until(head, rules, end_offsets, now)
    if closed != NOTHING and end_offsets is not None and at_rest(head, end_offsets, now - rules.lateness):
        closed = max(closed, now - rules.lateness)
    return min(closed, now)  # a line may be dated ahead


def due(width: int, cursor: int | None, settled: int, hours: Sequence[int]) -> Span:
    """Return the windows to evaluate now, oldest first.

    A new rule (no cursor) begins with the windows that settle from now on. A rule that existed before anything had settled begins with the
    first of `hours`, the ordered hours that have counts.
    """
    end = settled - settled % width if settled != NOTHING else NOTHING
    if cursor is None or end == NOTHING or (cursor == NOTHING and not hours):
        return Span(*[end if cursor is None else cursor] * 2)
    start = hours[0] - hours[0] % width if cursor == NOTHING else -(-cursor // width) * width
    later = [hour for hour in hours if hour + HOUR_MS > start]
    bound = start + MOST_WINDOWS * width
    if len(later) > MOST_HOURS:
        bound = min(bound, max(start + width, later[MOST_HOURS] - later[MOST_HOURS] % width))
    return Span(start, max(start, min(end, bound)))


def again(width: int, in_a_row: int, touched: Iterable[int], since: int, cursor: int) -> list[Span]:
    """Return the windows in [since, cursor) that late lines may have changed: in the touched hours, and the `in_a_row - 1` after them."""
    spans: list[Span] = []
    for hour in sorted(set(touched)):
        start = max(hour - hour % width, -(-since // width) * width)
        end = min(-(-(hour + HOUR_MS) // width) * width + (in_a_row - 1) * width, cursor)
        if spans and start <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(spans[-1].end, end))
        elif start < end:
            spans.append(Span(start, end))
    return spans


def reach(span: Span, width: int, in_a_row: int) -> tuple[int, int]:
    """Return the range (ms) in which the hours begin that evaluating a span needs."""
    return hour_of(span.start - (in_a_row - 1) * width), span.end
