"""Which windows of a rule are to be evaluated: each closed one once, and again those that late lines have reached. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spark_jobs.counts.cells import DAY_MS, HOUR_MS, hour_of
from spark_jobs.protocol.head import Head, Offsets
from weir.counts.closed import NOTHING, at_rest, closed_until
from weir.counts.rules import Rules

AMENDED_WITHIN_MS = 7 * DAY_MS  # what late lines change further back is counted, and told nobody
MOST_HOURS = 6  # with counts, of one pass: after a long outage the next passes go on
MOST_WINDOWS = 100_000  # of one pass


@dataclass(frozen=True)
class Span:
    """Windows that follow on one another: they begin in [start, end), and end at `end`."""

    start: int
    end: int

    def starts(self, width: int) -> range:
        return range(self.start, self.end, width)


def settled_until(head: Head, rules: Rules, end_offsets: Offsets | None, now: int) -> int:
    """The moment up to which alerts may look: what is closed, and over. Of a job that has read all there is, that goes on to be the
    present, less the allowed lateness: silence closes no pane, and is just what some rules wait for. NOTHING if nothing is closed yet."""
    closed = closed_until(head, rules, end_offsets, now)
    if closed != NOTHING and end_offsets is not None and at_rest(head, end_offsets, now - rules.lateness):
        closed = max(closed, now - rules.lateness)
    return min(closed, now)  # a line may be dated ahead


def due(width: int, cursor: int | None, settled: int, hours: Sequence[int]) -> Span:
    """The windows to evaluate now, the oldest first. A rule without a cursor is new, and begins with what settles from now on; one that was
    there before anything had settled begins with the first of `hours`, which are those that have counts, in order."""
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
    """The windows in [since, cursor) that late lines may have changed: those of the touched hours and, where a rule looks at several in a
    row, the ones behind them."""
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
    """The hours that evaluating a span needs begin in here."""
    return hour_of(span.start - (in_a_row - 1) * width), span.end
