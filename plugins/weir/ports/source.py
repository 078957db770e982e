"""The port of the sources that jobs read. Implementations are held to tests/contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Offsets, of_source


@dataclass(frozen=True)
class Retention:
    """How long a topic keeps a record, in ms, and how many bytes of a partition; None for no bound."""

    ms: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class TopicSnapshot:
    """What the broker says of a topic, offsets by the number of a partition. None for what it did not say."""

    end_offsets: Mapping[int, int] | None = None
    earliest_offsets: Mapping[int, int] | None = None
    topic_id: str | None = None


class Record(NamedTuple):
    """A line as the broker has it; `append_ms` is when the broker appended it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    append_ms: int


class Broker(Protocol):
    """What the source says of itself, each within a few seconds. Raises NotRunning, or its kind TopicMissing."""

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        """For each partition the offset after the last record."""

    def earliest_offsets(self, topic: str) -> Mapping[int, int]:
        """For each partition the first offset that is still there."""

    def topic_id(self, topic: str) -> str:
        """What tells a topic from one that was deleted and created again under its name."""

    def retention(self, topic: str) -> Retention:
        """How long the topic keeps its records."""

    def append_times(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, int]:
        """When the first record at or after an offset was appended (ms), by partition; without those that have none."""

    def topics(self, topics: Collection[str]) -> Mapping[str, TopicSnapshot]:
        """All this of each of many topics, in as few questions as the broker allows. What it does not say is None. Never raises."""


class Source(Broker, Protocol):
    """A broker whose records can be read back."""

    def records(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        """The records with offsets in [start, end), in order. Raises NotRunning if they stop coming, or are gone."""


def ends_for(broker: Broker, head: Head, topic: str) -> Offsets:
    """The end offsets of what a head counts, whose topic has this name now. Raises NotRunning, or its kind TopicMissing."""
    return of_source(head.topic_id, broker.end_offsets(topic))
