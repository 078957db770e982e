"""The port of the sources that jobs read. Implementations are held to tests/contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from re import fullmatch
from typing import NamedTuple, Protocol

from spark_jobs.protocol.partition import is_folder


@dataclass(frozen=True)
class Subscription:
    """What a job reads: topics and folders by their names, or all topics whose whole names match a pattern. A folder's name is its URI."""

    names: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def several(self) -> bool:
        """May there be several sources, or a folder? Then they are told apart by their names."""
        return bool(self.pattern or self.folders) or len(self.names) > 1

    @property
    def topics(self) -> tuple[str, ...]:
        """The named topics."""
        return tuple(name for name in self.names if not is_folder(name))

    @property
    def folders(self) -> tuple[str, ...]:
        """The URIs of the folders."""
        return tuple(filter(is_folder, self.names))

    @property
    def single(self) -> str:
        """The name of the only topic; empty if there may be several."""
        return self.names[0] if self.names and not self.several else ""

    def reads(self, topic: str) -> bool:
        """Is a topic of this name read?"""
        return fullmatch(self.pattern, topic) is not None if self.pattern else topic in self.names

    def missing(self, there: Iterable[str]) -> list[str]:
        """The topics that are named, and are not among these."""
        return sorted(set(self.topics).difference(there))

    def __str__(self) -> str:
        return f"the pattern {self.pattern}" if self.pattern else ", ".join(self.names) or "none"


@dataclass(frozen=True)
class Retention:
    """How long a topic keeps a record, in ms, and how many bytes of a partition; None for no bound. `compacted`: of records with the same
    key only the last one stays. `claimed_times`: producers set the time of a record (CreateTime)."""

    ms: int | None = None
    bytes: int | None = None
    compacted: bool = False
    claimed_times: bool = False


@dataclass(frozen=True)
class TopicSnapshot:
    """What the broker says of a topic, offsets by the number of a partition. None for what it did not say. `missing`: it says that there is
    no such topic. `log_ends` are end offsets with the records of open transactions, which cannot be read yet. `fault` is why it did not say
    something, empty if unknown."""

    end_offsets: Mapping[int, int] | None = None
    earliest_offsets: Mapping[int, int] | None = None
    topic_id: str | None = None
    missing: bool = False
    log_ends: Mapping[int, int] | None = None
    fault: str = field(default="", compare=False)


class Record(NamedTuple):
    """A line as the broker has it. `append_ms` is when the broker appended it; `claimed`: that is only its producer's word (CreateTime)."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    append_ms: int
    claimed: bool = False


class Follower(Protocol):
    """Reads a topic on as its transactions are committed. One thread at a time may use it."""

    def next(self, most: int, wait_s: float) -> Sequence[Record]:
        """The next records, at most so many; empty if none has come after `wait_s`. Raises NotRunning if some are gone."""

    def close(self) -> None: ...


class Broker(Protocol):
    """What the source says of itself, each within a few seconds. Raises NotRunning, or its kind TopicMissing."""

    def end_offsets(self, topic: str, committed: bool = True) -> Mapping[int, int]:
        """For each partition the offset after the last record that can be read; not `committed`: after the last one, though its
        transaction is open."""

    def earliest_offsets(self, topic: str) -> Mapping[int, int]:
        """For each partition the first offset that is still there."""

    def offsets_at(self, topic: str, moment: int) -> Mapping[int, int]:
        """For each partition the offset of the first record that arrived at a time (ms) or later; without one, the end."""

    def topic_id(self, topic: str) -> str:
        """What tells a topic from one that was deleted and created again under its name."""

    def retention(self, topic: str) -> Retention:
        """How the topic keeps its records."""

    def append_times(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, int]:
        """When the first record at or after an offset was appended (ms), by partition; without those that have none."""

    def topic_names(self) -> Collection[str]:
        """The names of all topics, without Kafka's own."""

    def topics(self, topics: Collection[str]) -> Mapping[str, TopicSnapshot]:
        """All this of each of many topics, in as few questions as the broker allows. What it does not say is None. Never raises."""


class Source(Broker, Protocol):
    """A broker whose records can be read back."""

    def records(self, topic: str, partition: int, start: int, end: int, committed: bool = True) -> Iterator[Record]:
        """The records with offsets in [start, end), in order, without those of aborted transactions if `committed`.

        Raises NotRunning if they stop coming, or are gone.
        """

    def follow(self, topic: str, position: Mapping[int, int]) -> Follower:
        """A reader of the records at and after these offsets, by partition, without those of aborted transactions."""
