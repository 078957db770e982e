"""Follow the topic of a landed job's sink: where a subscriber begins, and what it gets of each record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from weir.errors import BadInput
from weir.jobs.landed_spec import topic_of
from weir.jobs.spec import JobSpec
from weir.ports.source import Follower, Record, Source
from weir.times import iso

NOW, EARLIEST = "now", "earliest"
OFFSETS = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*")


@dataclass(frozen=True)
class Lost:
    """Records of a partition that the broker deleted before the subscriber got them: offsets in [start, end)."""

    partition: int
    start: int
    end: int


@dataclass(frozen=True)
class Place:
    """A position in a topic: the id of the topic, and the next offset of each partition."""

    topic_id: str
    offsets: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.topic_id}:{','.join(map(str, self.offsets))}"

    def behind(self, record: Record) -> Place:
        """Return the place behind a record."""
        offsets = (record.offset + 1 if partition == record.partition else at for partition, at in enumerate(self.offsets))
        return Place(self.topic_id, tuple(offsets))


@dataclass(frozen=True)
class Beginning:
    """Where a subscriber begins, what it has lost, and how to follow the topic from there."""

    place: Place
    lost: Sequence[Lost]
    follow: Callable[[], Follower]


def beginning(source: Source, spec: JobSpec, after: str, start: str) -> Beginning:
    """Return where a subscriber begins: behind the place `after`, as text; without one at NOW, or at EARLIEST, the first record there is.

    Raises BadInput if the job's sink is no topic, or `after` is no place in it. Raises NotRunning, TopicMissing.
    """
    topic = topic_of(spec)
    if not topic:
        raise BadInput(f"{spec.name} has no records in Kafka.", "Landed jobs with a sink of kind kafka can be subscribed to.")
    first, ends = source.earliest_offsets(topic), source.end_offsets(topic)
    here = Place(source.topic_id(topic), tuple((first if start == EARLIEST else ends)[p] for p in sorted(ends)))
    if not after:
        return Beginning(here, (), partial(source.follow, topic, dict(enumerate(here.offsets))))
    known = _parsed(after, here, source.end_offsets(topic, committed=False))
    lost = [Lost(p, at, first[p]) for p, at in enumerate(known.offsets) if at < first[p]]
    place = Place(known.topic_id, tuple(max(at, first[p]) for p, at in enumerate(known.offsets)))
    return Beginning(place, lost, partial(source.follow, topic, dict(enumerate(place.offsets))))


def told(record: Record) -> dict[str, Any]:
    """Return a record as JSON has it: key and value as text, or in hexadecimal, under another name, if they are not UTF-8."""
    at = {"partition": record.partition, "offset": record.offset, "appended_at": iso(record.append_ms)}
    return {**_named("key", record.key), **_named("value", record.value), **at}


def _named(name: str, value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_hex": value.hex()}


def _parsed(text: str, here: Place, ends: Mapping[int, int]) -> Place:
    """Return a place as text. Partitions that were added since are read from their beginning. Raises BadInput."""
    again = "Subscribe without Last-Event-ID, and with start=earliest if you need what came before."
    topic_id, _, offsets = text.rpartition(":")
    if topic_id != here.topic_id:
        raise BadInput("Last-Event-ID: it is no place in this topic, which may have been deleted and made again.", again)
    found = [int(at) for at in offsets.split(",")] if OFFSETS.fullmatch(offsets) else []
    if not found or len(found) > len(ends) or any(at > ends[p] for p, at in enumerate(found)):
        raise BadInput("Last-Event-ID: this topic has no such place.", again)
    return Place(topic_id, (*found, *(0 for _ in range(len(ends) - len(found)))))
