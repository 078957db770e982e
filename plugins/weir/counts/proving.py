"""Continue from what is proven: the start of a recount, its spans of hours, and the record of how far it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from spark_jobs.counts.cells import HOUR_MS
from spark_jobs.protocol.head import Head
from weir.counts.fold import seen_landed
from weir.counts.plan import plan_of
from weir.counts.progress import batches
from weir.counts.proven import Goal, Part, Proven, reached
from weir.counts.rules import Rules
from weir.counts.scope import Scope
from weir.errors import NotProven
from weir.ports.counts import CountStore, ProofStore
from weir.ports.source import Source

LONGEST_MS = 6 * HOUR_MS  # hours of one span, so that a backlog is spread over workers
MOST = 500  # spans; Airflow maps at most 1,024


def proven(store: ProofStore, job: str) -> Proven:
    """Return how far the counts are proven."""
    return Proven.load(store.proven(job))


def set_out(store: CountStore, job: str) -> Goal | None:
    """Return the goal from what is proven to the newest landed batch; None if nothing new has landed. Raises NotProven if the ledger lacks
    it."""
    base, seen = proven(store, job), seen_landed(store, job)
    if seen.newest is None or seen.newest <= base.position:
        return None
    newest = next((head for head in batches(store, job) if (head.by, head.batch_id) == seen.newest), None)
    if newest is None:
        raise NotProven(f"{job}: the ledger has no row for its newest landed batch, {seen.newest}.", f"Run: weir validate {job}")
    to = replace(base, position=seen.newest, write_ts=seen.write_ts, landed_at=newest.landed_at, event_time=newest.progress.watermark)
    return Goal(base, to)


def scopes(store: CountStore, job: str, goal: Goal) -> list[Scope]:
    """Return the parts of a goal: the hours that its new batches wrote to, and the batches that counted nothing, if any."""
    hours = {t.hour for t in store.hours(job) if t.position > goal.base.position}
    whole = Scope(after=goal.base.position, upto=goal.to.position)
    parts = [replace(whole, since=since, until=until) for since, until in joined(hours)]
    barren = replace(whole, barren=True)
    return parts + ([barren] if any(barren.wants_barren(head) for head in _since(store, job, goal)) else [])


def _since(store: CountStore, job: str, goal: Goal) -> Iterable[Head]:
    """Yield the goal's new batches that have lines."""
    for head in batches(store, job):
        if (head.by, head.batch_id) <= goal.base.position:
            return
        if head.totals.lines:
            yield head


def joined(hours: Iterable[int]) -> list[tuple[int, int]]:
    """Group adjacent hours into spans of a few hours. If there are too many spans, make longer ones, which include hours in between."""
    spans: list[tuple[int, int]] = []
    for hour in sorted(set(hours)):
        if spans and spans[-1][1] == hour and hour - spans[-1][0] < LONGEST_MS:
            spans[-1] = spans[-1][0], hour + HOUR_MS
        else:
            spans.append((hour, hour + HOUR_MS))
    while len(spans) > MOST:
        spans = [(pair[0][0], pair[-1][1]) for pair in (spans[i : i + 2] for i in range(0, len(spans), 2))]
    return spans


def prove(store: CountStore, source: Source, rules: Rules, goal: Goal, parts: Sequence[Part], now: int) -> Proven | None:
    """Record that a goal was reached; None if it was not. Lines that the broker has deleted count as unchecked."""
    whole = Scope(after=goal.base.position, upto=goal.to.position)
    seen = seen_landed(store, rules.job)
    plan = plan_of(store, source, rules, seen, lambda head: whole.is_new((head.by, head.batch_id)), goal.base.position)
    found = reached(goal, parts, plan.lines, plan.rejected, now)
    if found is not None:
        store.put_proven(rules.job, found.dump(), found.write_ts)
    return found
