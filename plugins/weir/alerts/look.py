"""Read what rules need: which windows are due, and their counts, exact and as of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spark_jobs.counts.cells import day_of, hour_of
from spark_jobs.protocol.head import Head, Offsets, Position, landed
from weir.alerts.judge import WEEK_MS, Outcome, RuleCounts, judge, rule_counts
from weir.alerts.rules import NewSignature, Ratio, Rule
from weir.alerts.store import WatchedStore
from weir.alerts.windows import AMENDED_WITHIN_MS, Span, reach, settled_until
from weir.counts.read import Grain, read_span
from weir.counts.rules import Rules
from weir.errors import NotRunning
from weir.ports.counts import NOWHERE, Cell, CountStore, Touched
from weir.ports.source import Broker, Subscription
from weir.supervise.topics import ends_for


@dataclass(frozen=True)
class CountsState:
    """A job's counts at one moment."""

    settled: int  # ms: windows that end by then may be evaluated
    seen: Position  # the newest landed batch of a head that was read before `hours`, so that `hours` include what it wrote
    hours: Sequence[Touched]


def look(store: WatchedStore, broker: Broker, rules: Rules, since: int | None, now: int) -> CountsState | None:
    """Return the counts' state; None for a job that has not been deployed yet. `hours` go back to where late lines are still amended."""
    head = store.head(rules.job)
    if head is None:
        return None
    ends = _ends(broker, head, rules.reads) if store.desired(rules.job) == "running" else None  # a stopped stream is not silent
    newest = landed(head, store.firsts(rules.job)).newest
    hours = store.hours(rules.job, None if since is None else hour_of(since - AMENDED_WITHIN_MS))
    return CountsState(settled_until(head, rules, ends, now), newest or NOWHERE, hours)


def _ends(broker: Broker, head: Head, reads: Subscription) -> Offsets | None:
    try:
        return ends_for(broker, head, reads)
    except NotRunning:
        return None


def outcomes(store: CountStore, job: str, rule: Rule, span: Span) -> list[Outcome]:
    """Judge the windows of a span by the present counts."""
    return judge(rule, span.starts(rule.width), _counted(store, job, rule, span)) if span.start < span.end else []


def _counted(store: CountStore, job: str, rule: Rule, span: Span) -> RuleCounts:
    cells = list(_cells(store, job, *reach(span, rule.width, rule.windows), Grain.PANE))
    if isinstance(rule, Ratio):
        for weeks in range(1, rule.weeks + 1):
            earlier = Span(span.start - weeks * WEEK_MS, span.end - weeks * WEEK_MS)
            cells += _cells(store, job, *reach(earlier, rule.width, rule.windows), Grain.PANE)
    history = list(_history(store, job, rule, span)) if isinstance(rule, NewSignature) else []
    return rule_counts(rule, cells, history)


def _history(store: CountStore, job: str, rule: NewSignature, span: Span) -> Iterator[Cell]:
    """Yield where signatures occurred in the lookback: by day, by hour, and by pane where the first hour begins before its window."""
    first, _ = reach(span, rule.width, rule.windows)
    since, today = day_of(first - 1000 * rule.lookback), day_of(first)
    for grain, start, end in ((Grain.DAY, since, today), (Grain.HOUR, today, first)):
        if start < end:
            yield from (cell for cell, _ in _cells(store, job, start, end, grain))


def _cells(store: CountStore, job: str, since: int, until: int, grain: Grain) -> Iterator[tuple[Cell, int]]:
    for cells in read_span(store, job, since, until, grain).cells.values():
        yield from cells.items()
