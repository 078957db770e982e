"""Declare the options of a job: a frozen dataclass, each field with its rule, its meaning, and what a change of it needs.

Standard library only: the driver reads the same model as the supervisor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import available_timezones

ZONES = cache(available_timezones)  # each call looks through the folders of zones: 7 ms
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
Rule = Callable[[Any], Any]  # a value as YAML has it to the value of the field; raises ValueError that says the rule


class Change(StrEnum):
    """What a change of an option needs."""

    NOTHING = "nothing"
    REPLAY = "replay"  # it changes how input is read; landed lines keep the old reading
    NEW_EPOCH = "new epoch"  # it changes the layout of the store


@dataclass(frozen=True)
class Option:
    """What a field of options declares beside its default."""

    rule: Rule
    meaning: str
    change: Change


def option(default: Any, rule: Rule, meaning: str, change: Change = Change.NOTHING) -> Any:
    """Declare a field of a frozen dataclass of options. In job.yaml a field `pane_s` is named `pane`."""
    metadata = {"option": Option(rule, meaning, change)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def default_of(one: Field[Any]) -> Any:
    """Return the default of a field that was declared by `option`."""
    return one.default if one.default_factory is MISSING else one.default_factory()


def seconds(value: Any) -> float:
    """`10s`, `1.5m`, `2h` or a number of seconds, in seconds. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", str(value).strip())
    if not match:
        raise ValueError("must be a duration such as 10s, 5m or 1h")
    return float(match[1]) * UNITS[match[2]]


def whole_seconds(value: Any) -> int:
    """A duration of at least a second, in whole seconds. Raises ValueError."""
    found = seconds(value)
    if found < 1 or found % 1:
        raise ValueError("must be whole seconds, at least 1s")
    return int(found)


def whole(least: int, most: int | None = None) -> Rule:
    """The rule of a whole number within bounds."""

    bounds = f"must be a whole number of {least} or more" if most is None else f"must be a whole number from {least} to {most}"

    def rule(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
            raise ValueError(bounds)
        return value

    return rule


def text(value: Any) -> str:
    """Text that is not empty. Raises ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def zone(value: Any) -> str:
    """The name of a time zone. Raises ValueError."""
    if value not in ZONES():
        raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Berlin")
    return str(value)
