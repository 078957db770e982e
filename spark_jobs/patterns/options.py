"""The options of a job that looks for a pattern in events. The pattern is data; all such jobs share their code.

Standard library only: the supervisor checks them, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.runtime.options import Change, option, text, whole, whole_seconds


def fields(value: Any) -> tuple[str, ...]:
    """Return the names of one or more fields. Raises ValueError."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(one, str) and one for one in names):
        raise ValueError("must be the name of a field, or a list of names")
    return tuple(names)


def key_fields(value: Any) -> tuple[str, ...]:
    """The names of the fields of a key. Raises ValueError."""
    found = fields(value)
    if taken := [name for name in found if name.lower() in OF_ROWS]:
        raise ValueError(f"an alert has a field {taken[0]} of its own. Rename the field in the events")
    if len(set(found)) < len(found):
        raise ValueError("must name each field once")
    return found


def field_or_none(value: Any) -> str:
    """Return the name of a field; empty for none. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("must be the name of a field, or empty")
    return value


def values_by_field(value: Any) -> Mapping[str, Sequence[str]]:
    """Return the wanted values by field. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("must be fields with their wanted values, such as kind: [withdrawal]")
    return {name: fields(wanted) for name, wanted in value.items()}


OF_ROWS = frozenset({"kind", "text", "first_at", "last_at", "ids"})  # fields of a row that lands


@dataclass(frozen=True)
class Options:
    """More than `more_than` events with the same `key` within `within`: an episode, and one alert."""

    what: str = option("events", text, "what the events are called in the text of an alert")
    key: tuple[str, ...] = option(("card",), key_fields, "fields that are equal in all events of an episode", Change.REPLAY)
    only: Mapping[str, Sequence[str]] = option({}, values_by_field, "values by field; other events are left out", Change.REPLAY)
    different: str = option("", field_or_none, "count different values of this field instead of events; empty: events", Change.REPLAY)
    more_than: int = option(2, whole(1), "an episode has more events, or different values, than this", Change.REPLAY)
    within_s: int = option(900, whole_seconds, "the first and the last of them are at most this far apart in event time", Change.REPLAY)
    lateness_s: int = option(
        3600, whole_seconds, "an event further behind the newest one of its key is reported as late, not judged", Change.REPLAY
    )
    events_per_key: int = option(10_000, whole(10, 100_000), "more events of a key are forgotten, oldest first, and reported")

    def __post_init__(self) -> None:
        """Raise ValueError for options that do not fit together."""
        if self.more_than > self.events_per_key:
            raise ValueError(f"events_per_key: {self.events_per_key} events are too few to find more_than {self.more_than}. Raise it")
        if self.different in self.key:
            raise ValueError(f"different: {self.different} is part of the key, so it never differs. Name another field")
        names = {"id", "at", *self.key, *self.only, *filter(None, [self.different])}
        if quoted := sorted(name for name in names if "`" in name):
            raise ValueError(f"{quoted[0]}: the name of a field must have no backtick. Rename the field in the events")
        if len({name.lower() for name in names}) < len(names):  # Spark's columns are the same for it
            raise ValueError(f"{', '.join(sorted(names))}: two names differ only in upper and lower case. Rename one in the events")
