"""What a pattern must find in events, by brute force. Shares no code with the job."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

MINUTE = 60_000


@dataclass(frozen=True)
class Event:
    """A transaction. `at` is its event time in ms."""

    id: str
    at: int
    card: str
    machine: str = "m"
    city: str = "Bern"
    kind: str = "withdrawal"

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """A pattern, as the specs have it."""

    key: Callable[[Event], tuple[str, ...]]
    weight: Callable[[Sequence[Event]], int]  # what must be more than `more_than`
    more_than: int
    within: int  # ms
    lateness: int  # ms


WITHDRAWALS = Rule(lambda event: (event.card, event.machine), len, 2, 15 * MINUTE, 60 * MINUTE)
CITIES = Rule(lambda event: (event.card,), lambda events: len({event.city for event in events}), 1, 30 * MINUTE, 60 * MINUTE)


def components(rule: Rule, events: Iterable[Event]) -> list[frozenset[str]]:
    """Return the episodes among events of one key that are all known: sets of ids of windows that match and share an event."""
    known = list({event.id: event for event in events}.values())
    found: list[frozenset[str]] = []
    for first, last in combinations(sorted({event.at for event in known}), 2):
        found += _window(rule, known, first, last)
    for at in {event.at for event in known}:
        found += _window(rule, known, at, at)
    merged: list[frozenset[str]] = []
    for window in found:
        joined = [one for one in merged if one & window]
        merged = [one for one in merged if not one & window] + [window.union(*joined)]
    return merged


def _window(rule: Rule, known: Sequence[Event], first: int, last: int) -> list[frozenset[str]]:
    inside = [event for event in known if first <= event.at <= last]
    matches = last - first <= rule.within and rule.weight(inside) > rule.more_than
    return [frozenset(event.id for event in inside)] if matches else []


def alerts(rule: Rule, arrived: Iterable[Event]) -> list[tuple[str, frozenset[str]]]:
    """Return each alert as (last id to arrive, ids that prove it), for events in the order of arrival.

    An event makes an alert if it is in an episode of what has arrived, and no event of that episode was in one before.
    """
    seen: dict[tuple[str, ...], list[Event]] = {}
    found = []
    for event in arrived:
        before = seen.setdefault(rule.key(event), [])
        if any(one.id == event.id and one.at >= _newest(before) - rule.lateness - rule.within for one in before):
            continue
        if is_late(rule, before, event):
            continue
        earlier = {id for episode in components(rule, before) for id in episode}
        before.append(event)
        mine = [episode for episode in components(rule, before) if event.id in episode]
        if mine and not mine[0] & earlier:
            found.append((event.id, mine[0]))
    return found


def is_late(rule: Rule, before: Sequence[Event], event: Event) -> bool:
    return bool(before) and event.at < _newest(before) - rule.lateness


def _newest(events: Sequence[Event]) -> int:
    return max((event.at for event in events), default=0)


def transactions(seed: int, n: int, cards: int, since: int, disorder: int = 20 * MINUTE) -> list[Event]:
    """Make transactions in an order of arrival that is not that of their times, with duplicates, and some kinds that are no withdrawals."""
    rng = random.Random(seed)
    made = [
        Event(
            f"t{seed}-{i}",
            since + i * 2000 + rng.randrange(disorder),
            f"c{rng.randrange(cards)}",
            f"m{rng.randrange(4)}",
            rng.choice(["Bern", "Bern", "Bern", "Basel"]),
            rng.choice(["withdrawal"] * 4 + ["deposit"]),
        )
        for i in range(n)
    ]
    return [one for event in made for one in [event] * (2 if rng.random() < 0.02 else 1)]
