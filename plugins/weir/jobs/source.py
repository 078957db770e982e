"""The Kafka topics that a job reads, as in its spec."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from weir.jobs.fields import Section
from weir.jobs.patterns import checked
from weir.ports.source import Subscription


class Source(Section):
    """At most one of `topic`, `topics` and `pattern`. A pattern is a regular expression that matches whole names of topics."""

    topic: str = ""
    topics: tuple[str, ...] = Field(default=())
    pattern: str = ""

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
