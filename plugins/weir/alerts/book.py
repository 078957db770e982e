"""The stored state of a job's alerts, as plain values: how far each rule is evaluated, open incidents, undelivered messages.

All of it is one row, the book, that only compare-and-set changes: so a decision and its messages are written together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from weir.alerts.judge import Key
from weir.ports.timeline import Event

if TYPE_CHECKING:
    from pydantic import TypeAdapter

STREAM = "stream"  # the cause of incidents about a job's health
CONCERN = "concern:"  # how the causes of incidents begin that are about something beside the stream's verdict


@dataclass(frozen=True)
class Fired:
    """A group that broke a rule in a window, and its incident."""

    key: Key
    value: float
    limit: float
    sentence: str
    incident: str


@dataclass(frozen=True)
class Evaluation:
    """A row of the evaluation ledger: the result of a rule on a window. Adjacent windows share a row if they are empty."""

    rule: str
    start: int  # ms
    end: int  # ms
    value: float
    firing: tuple[Fired, ...] = ()
    late: bool = False  # evaluated long after the window had ended
    amended: bool = False  # evaluated again, because late lines changed the result
    at: int = 0  # ms: when it was evaluated
    revision: int = 0  # of the book at the decision: of two rows about one window the higher one is valid

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
    """An open incident."""

    id: str
    cause: str  # a rule's name, STREAM, or CONCERN with its kind
    key: Key
    severity: str
    since: int  # ms: when the trouble began
    opened_at: int  # ms
    sentence: str
    next_step: str
    sinks: tuple[str, ...]
    told: bool = False  # whether it was notified; not during a pause
    late: bool = False
    ack: Ack | None = None


@dataclass(frozen=True)
class Message:
    """A notification."""

    id: str
    incident: str  # the thread
    job: str
    kind: str  # opened, updated, amended, acknowledged, resolved, row, test, more
    severity: str
    title: str
    text: str
    at: int  # ms


@dataclass(frozen=True)
class Delivery:
    """A message that waits for delivery to a sink."""

    message: Message
    sink: str
    tries: int = 0
    not_before: int = 0  # ms
    begun: bool = False  # a sender is working on it
    doubtful: bool = False  # it may have arrived already
    trouble: str = ""  # the last failure; empty if there was none


@dataclass(frozen=True)
class Followed:
    """How far a rule is evaluated: all windows in [since, until), ms. A changed fingerprint means a changed rule."""

    since: int
    until: int
    fingerprint: str


@dataclass(frozen=True)
class RowsRead:
    """How far the topic of a landed job's sink was read for messages: the next offset by partition."""

    topic: str
    topic_id: str
    offsets: Mapping[int, int]


@dataclass(frozen=True)
class Book:
    """The state of one job's alerts. `noted` and `marks` may not be stored elsewhere yet: both are written before the next decision."""

    job: str
    revision: int = 0
    at: int = 0  # ms
    seen: tuple[int, int] = (-1, -1)  # the position of the counts that the evaluated windows were read from
    health_at: int = 0  # ms: the last change of the verdict that was processed
    rules: Mapping[str, Followed] = field(default_factory=dict)
    rows: RowsRead | None = None  # None: no rule about rows has been evaluated yet
    incidents: tuple[Incident, ...] = ()
    outbox: tuple[Delivery, ...] = ()
    noted: tuple[Evaluation, ...] = ()  # for the evaluation ledger
    marks: tuple[Event, ...] = ()  # for the timeline

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
