"""Reading what rules look at: which windows are due, and the counts that they need, exact and as of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spark_jobs.counts.cells import day_of, hour_of
from spark_jobs.protocol.head import Head, Offsets, Position, landed
from weir.alerts.judge import WEEK_MS, Counted, Outcome, counted, judge
from weir.alerts.rules import NewSignature, Ratio, Rule
from weir.alerts.windows import AMENDED_WITHIN_MS, Span, reach, settled_until
from weir.counts.read import Grain, read_span
from weir.counts.rules import Rules
from weir.errors import NotRunning
from weir.ports.counts import NOWHERE, Cell, CountStore, Touched
from weir.ports.jobs import JobStore
from weir.ports.source import Broker, ends_for


@dataclass(frozen=True)
class Sight:
    """What is known of a job's counts at one moment. `settled` is how far alerts may look, `seen` the newest landed batch of a head from
    before `hours` were listed, so that what it wrote is in them."""

    settled: int
    seen: Position
    hours: Sequence[Touched]


def look(store: JobStore, broker: Broker, rules: Rules, since: int | None, now: int) -> Sight | None:
    """None for a job that was never deployed. Hours are those that late lines may change still, before `since`, and all after."""
    head = store.head(rules.job)
    if head is None:
        return None
    ends = _ends(broker, head, rules.topic) if store.desired(rules.job) == "running" else None  # a stream that is stopped is not silent
    newest = landed(head, store.firsts(rules.job)).newest
    hours = store.hours(rules.job, None if since is None else hour_of(since - AMENDED_WITHIN_MS))
    return Sight(settled_until(head, rules, ends, now), newest or NOWHERE, hours)


def _ends(broker: Broker, head: Head, topic: str) -> Offsets | None:
    try:
        return ends_for(broker, head, topic)
    except NotRunning:
        return None


def outcomes(store: CountStore, job: str, rule: Rule, span: Span) -> list[Outcome]:
    """What a rule comes to on the windows of a span, by the counts of now."""
    return judge(rule, span.starts(rule.width), _counted(store, job, rule, span)) if span.start < span.end else []


def _counted(store: CountStore, job: str, rule: Rule, span: Span) -> Counted:
    cells = list(_cells(store, job, *reach(span, rule.width, rule.windows), Grain.PANE))
    if isinstance(rule, Ratio):
        for weeks in range(1, rule.weeks + 1):
            earlier = Span(span.start - weeks * WEEK_MS, span.end - weeks * WEEK_MS)
            cells += _cells(store, job, *reach(earlier, rule.width, rule.windows), Grain.PANE)
    history = list(_history(store, job, rule, span)) if isinstance(rule, NewSignature) else []
    return counted(rule, cells, history)


def _history(store: CountStore, job: str, rule: NewSignature, span: Span) -> Iterator[Cell]:
    """Where signatures occurred in the lookback, by day, by hour, and by pane where the first hour begins before its window."""
    first, _ = reach(span, rule.width, rule.windows)
    since, today = day_of(first - 1000 * rule.lookback), day_of(first)
    for grain, start, end in ((Grain.DAY, since, today), (Grain.HOUR, today, first)):
        if start < end:
            yield from (cell for cell, _ in _cells(store, job, start, end, grain))


def _cells(store: CountStore, job: str, since: int, until: int, grain: Grain) -> Iterator[tuple[Cell, int]]:
    for cells in read_span(store, job, since, until, grain).cells.values():
        yield from cells.items()
