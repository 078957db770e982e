"""Test a rule on past windows, by the present counts. Writes nothing and sends no messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spark_jobs.counts.cells import HOUR_MS
from weir.alerts.judge import Key, Outcome
from weir.alerts.look import outcomes
from weir.alerts.rules import Rule
from weir.alerts.windows import Span
from weir.ports.counts import CountStore

AT_ONCE_MS = 6 * HOUR_MS


@dataclass
class Firing:
    """A group that broke the rule in adjacent windows, from `start` to `end` (ms); value and sentence are those of the worst window."""

    key: Key
    start: int
    end: int
    value: float
    sentence: str


def replay(store: CountStore, job: str, rule: Rule, since: int, until: int) -> list[Firing]:
    """Return when the rule would have fired, in order of start. Windows begin in [since, until), ms."""
    going: dict[Key, Firing] = {}
    over: list[Firing] = []
    for outcome in _windows(store, job, rule, since, until):
        over += [going.pop(key) for key in list(going) if key not in outcome.firing]
        for key, breach in outcome.firing.items():
            firing = going.setdefault(key, Firing(key, outcome.start, outcome.end, breach.value, breach.sentence))
            firing.end = outcome.end
            if breach.value > firing.value:
                firing.value, firing.sentence = breach.value, breach.sentence
    return sorted([*over, *going.values()], key=lambda f: (f.start, f.key))


def _windows(store: CountStore, job: str, rule: Rule, since: int, until: int) -> Iterator[Outcome]:
    """Yield outcomes piece by piece: a year of panes does not fit into memory."""
    step = max(rule.width, AT_ONCE_MS - AT_ONCE_MS % rule.width)
    for start in range(-(-since // rule.width) * rule.width, until, step):
        yield from outcomes(store, job, rule, Span(start, min(start + step, -(-until // rule.width) * rule.width)))
