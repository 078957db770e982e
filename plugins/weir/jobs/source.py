"""Which Kafka topics a job reads, as its spec says it."""

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
            raise ValueError("must be names of topics, each once")
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
        """The topics that are named; empty for a pattern."""
        return (self.topic,) if self.topic else self.topics

    @property
    def subscription(self) -> Subscription:
        """The same, for whoever asks the broker."""
        return Subscription(self.names, self.pattern)

    def reads(self, topic: str) -> bool:
        """Is a topic of this name read?"""
        return self.subscription.reads(topic)
