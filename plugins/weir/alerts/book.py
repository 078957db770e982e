"""What is kept about a job's alerts, as plain values: how far each rule has come, the open incidents, the messages that are not delivered.

All of it is one row that only compare-and-swap changes, so that a decision and the messages that tell of it are written together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from weir.alerts.judge import Key
from weir.ports.jobs import Event

if TYPE_CHECKING:
    from pydantic import TypeAdapter

STREAM = "stream"  # the cause of incidents that a job's health opens


@dataclass(frozen=True)
class Fired:
    """A group that broke a rule in a window, and the incident that it belongs to."""

    key: Key
    value: float
    limit: float
    sentence: str
    incident: str


@dataclass(frozen=True)
class Evaluation:
    """A row of the evaluation ledger: windows of a rule that came out alike; only empty ones share a row. `revision` is that of the book
    when it was decided: of two rows about a window, the later one is right. `late` ones were evaluated long after they had ended, and
    `amended` ones again, because late lines changed what they come to."""

    rule: str
    start: int
    end: int
    value: float
    firing: tuple[Fired, ...] = ()
    late: bool = False
    amended: bool = False
    at: int = 0
    revision: int = 0

    @property
    def keys(self) -> frozenset[Key]:
        return frozenset(fired.key for fired in self.firing)


@dataclass(frozen=True)
class Ack:
    who: str
    comment: str
    at: int


@dataclass(frozen=True)
class Incident:
    """Something that is not over. `cause` is a rule's name or STREAM, `since` is when the trouble began, and `told` whether anybody was
    told: in a pause nobody is."""

    id: str
    cause: str
    key: Key
    severity: str
    since: int
    opened_at: int
    sentence: str
    next_step: str
    sinks: tuple[str, ...]
    told: bool = False
    late: bool = False
    ack: Ack | None = None


@dataclass(frozen=True)
class Message:
    """What a person reads. `incident` is the thread, `kind` one of opened, updated, amended, acknowledged, resolved, test."""

    id: str
    incident: str
    job: str
    kind: str
    severity: str
    title: str
    text: str
    at: int


@dataclass(frozen=True)
class Delivery:
    """A message on its way to a sink. `begun` while somebody is at it; `doubtful` once it may have arrived without anybody knowing."""

    message: Message
    sink: str
    tries: int = 0
    not_before: int = 0
    begun: bool = False
    doubtful: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class Followed:
    """How far a rule has come: all windows in [since, until) are evaluated. Another fingerprint is another rule."""

    since: int
    until: int
    fingerprint: str


@dataclass(frozen=True)
class Book:
    """`seen` is the position up to which the evaluated windows knew the counts, `health_at` the last change of the verdict that was looked
    at. `noted` are evaluations that the ledger may not have yet, and `marks` lines that the timeline may not: both are written before the
    next decision."""

    job: str
    revision: int = 0
    at: int = 0
    seen: tuple[int, int] = (-1, -1)
    health_at: int = 0
    rules: Mapping[str, Followed] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    outbox: tuple[Delivery, ...] = ()
    noted: tuple[Evaluation, ...] = ()
    marks: tuple[Event, ...] = ()

    def incident(self, cause: str, key: Key = ()) -> Incident | None:
        return next((i for i in self.incidents if (i.cause, i.key) == (cause, key)), None)

    def to_json(self) -> str:
        return _books().dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Book:
        return _books().validate_json(text)


def evaluation_json(evaluation: Evaluation) -> str:
    return _evaluations().dump_json(evaluation).decode()


def evaluation_of(text: str) -> Evaluation:
    return _evaluations().validate_json(text)


@cache
def _books() -> TypeAdapter[Book]:
    from pydantic import TypeAdapter

    return TypeAdapter(Book)


@cache
def _evaluations() -> TypeAdapter[Evaluation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Evaluation)
