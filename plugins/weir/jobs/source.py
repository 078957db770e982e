"""The Kafka topics that a job reads, as in its spec."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from weir.errors import BadInput
from weir.jobs.fields import Section
from weir.jobs.patterns import checked
from weir.ports.source import Subscription
from weir.times import iso, parse_time

EARLIEST = "earliest"


def _start(value: Any) -> Any:
    """Check where a job begins. YAML reads a time as one. Raises ValueError."""
    if isinstance(value, dict):
        if not value or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value.values()):
            raise ValueError("offsets must be whole numbers by partition, such as {0: 1200, 1: 900}")
        return {str(partition): offset for partition, offset in value.items()}
    text = value.isoformat() if isinstance(value, datetime) else value
    if text == EARLIEST:
        return EARLIEST
    try:
        return iso(parse_time(str(text)))
    except BadInput as error:
        raise ValueError("must be earliest, a time such as 2026-01-31T12:00:00Z, or offsets by partition") from error


StartAt = Annotated[str | dict[str, int], BeforeValidator(_start)]


class Source(Section):
    """At most one of `topic`, `topics` and `pattern`. A pattern is a regular expression that matches whole names of topics.

    `start` is where a job begins that was never deployed: `earliest`, a time of arrival, or offsets by partition (`0`, or `topic/0`).
    """

    topic: str = ""
    topics: tuple[str, ...] = Field(default=())
    pattern: str = ""
    start: StartAt = EARLIEST

    @field_validator("topics")
    @classmethod
    def _differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value) or not all(value):
            raise ValueError("must be topic names, each once")
        return value

    @field_validator("pattern")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        return checked(value)

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `start` where it is the default: earlier releases do not know it."""
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name != "start" or value != EARLIEST}

    @model_validator(mode="after")
    def _one(self) -> Source:
        given = [name for name in ("topic", "topics", "pattern") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: name exactly one of topic, topics and pattern")
        return self

    def __bool__(self) -> bool:
        return bool(self.names or self.pattern)

    def __str__(self) -> str:
        return str(self.subscription)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the named topics; empty for a pattern."""
        return (self.topic,) if self.topic else self.topics

    @property
    def subscription(self) -> Subscription:
        """Return the same as the port of the broker takes it."""
        return Subscription(self.names, self.pattern)

    def reads(self, topic: str) -> bool:
        """Return whether a topic of this name is read."""
        return self.subscription.reads(topic)
