"""Fold the events of a match into its score. Pure: the same events give the same score in any order, and however often each comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

GOAL, CARD, CORRECTION = "goal", "card", "correction"
Event = tuple[str, str]  # kind; of a goal or card the team, of a correction the id of the event that it takes back
Events = Mapping[str, Event]  # by id


def added(known: Events, more: Iterable[tuple[str, Event]]) -> dict[str, Event]:
    """Return the known events with more of them. If two events differ and have one id, the one that sorts first counts."""
    found = dict(known)
    for name, event in more:
        found[name] = min(found.get(name, event), event)
    return found


def score(events: Events) -> dict[str, dict[str, int]]:
    """Return goals and cards by team. A correction takes one goal or card back, also one that comes later; it cannot be corrected."""
    taken_back = {about for kind, about in events.values() if kind == CORRECTION}
    left = [event for name, event in events.items() if name not in taken_back]
    return {f"{kind}s": dict(Counter(about for of, about in left if of == kind)) for kind in (GOAL, CARD)}
