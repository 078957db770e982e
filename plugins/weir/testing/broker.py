"""A broker in memory."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from weir.errors import NotRunning, TopicMissing
from weir.ports.source import Record, Retention, TopicSnapshot


class MemoryBroker:
    """Topics as lists of records. `forget` is what retention does, `cut` what a broker restored from a copy does; `create` again gives
    another topic id. `kept` is the retention of a topic. `mark` ends a transaction, `hold` leaves one open."""

    def __init__(self) -> None:
        self._records: dict[str, dict[int, list[Record]]] = {}
        self._earliest: dict[str, dict[int, int]] = {}
        self._made = 0
        self._ids: dict[str, str] = {}
        self._marks: set[tuple[str, int, int]] = set()  # places of marks that end a transaction: no reader sees them
        self._aborted: set[tuple[str, int, int]] = set()
        self._open: dict[tuple[str, int], int] = {}  # where an open transaction begins
        self.kept: dict[str, Retention] = {}
        self.asked_for_times = 0
        self.answers = True

    def create(self, topic: str, partitions: int) -> None:
        self._made += 1
        self._ids[topic] = f"topic-{self._made}"
        self._records[topic] = {p: [] for p in range(partitions)}
        self._earliest[topic] = dict.fromkeys(range(partitions), 0)

    def delete(self, topic: str) -> None:
        del self._ids[topic], self._records[topic], self._earliest[topic]

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions."""
        for p in range(len(self._records[topic]), partitions):
            self._records[topic][p], self._earliest[topic][p] = [], 0

    def cut(self, topic: str, partition: int, end: int) -> None:
        del self._records[topic][partition][end:]

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes | None, append_ms: int, claimed: bool = False) -> None:
        records = self._records[topic][partition]
        records.append(Record(partition, len(records), key, value, append_ms, claimed))

    def mark(self, topic: str, partition: int, lines: int, commit: bool) -> None:
        """End a transaction of the last lines of a partition."""
        end = len(self._records[topic][partition])
        self._aborted |= set() if commit else {(topic, partition, offset) for offset in range(end - lines, end)}
        self._marks.add((topic, partition, end))
        self.add(topic, partition, None, None, 0)
        self._open.pop((topic, partition), None)

    def vanish(self, topic: str, partition: int, offsets: Iterable[int]) -> None:
        """As compaction does."""
        self._marks |= {(topic, partition, offset) for offset in offsets}

    def hold(self, topic: str, partition: int, lines: int) -> None:
        """Leave a transaction of the last lines of a partition open."""
        self._open[topic, partition] = len(self._records[topic][partition]) - lines

    def fill(self, topic: str, partition: int, n: int) -> None:
        for _ in range(n):
            self.add(topic, partition, b"web", b"", 0)

    def forget(self, topic: str, partition: int, before: int) -> None:
        self._earliest[topic][partition] = before

    def end_offsets(self, topic: str, committed: bool = True) -> Mapping[int, int]:
        ends = {p: len(records) for p, records in self._topic(topic).items()}
        return {p: self._open.get((topic, p), end) if committed else end for p, end in ends.items()}

    def earliest_offsets(self, topic: str) -> Mapping[int, int]:
        self._topic(topic)
        return dict(self._earliest[topic])

    def offsets_at(self, topic: str, moment: int) -> Mapping[int, int]:
        ends = self.end_offsets(topic)
        return {
            p: next((r.offset for r in records if r.append_ms >= moment and r.offset >= self._earliest[topic][p]), ends[p])
            for p, records in self._topic(topic).items()
        }

    def topic_id(self, topic: str) -> str:
        self._topic(topic)
        return self._ids[topic]

    def retention(self, topic: str) -> Retention:
        self._topic(topic)
        return self.kept.get(topic, Retention())

    def append_times(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, int]:
        self.asked_for_times += 1
        first = {p: max(o, self._earliest[topic].get(p, 0)) for p, o in offsets.items()}
        return {p: records[first[p]].append_ms for p, records in self._topic(topic).items() if p in first and first[p] < len(records)}

    def topic_names(self) -> Collection[str]:
        if not self.answers:
            raise NotRunning("The broker does not answer.")
        return frozenset(self._ids)

    def topics(self, topics: Collection[str]) -> Mapping[str, TopicSnapshot]:
        there = [t for t in topics if self.answers and t in self._ids]
        known = {
            t: TopicSnapshot(self.end_offsets(t), self.earliest_offsets(t), self.topic_id(t), log_ends=self.end_offsets(t, committed=False))
            for t in there
        }
        return {t: known.get(t, TopicSnapshot(missing=self.answers)) for t in topics}

    def records(self, topic: str, partition: int, start: int, end: int, committed: bool = True) -> Iterator[Record]:
        if start < self._earliest[topic][partition]:
            raise NotRunning(f"Offset {start} of {topic}/{partition} is gone.")
        hidden = self._marks | (self._aborted if committed else set())
        return (record for record in self._topic(topic)[partition][start:end] if (topic, partition, record.offset) not in hidden)

    def follow(self, topic: str, position: Mapping[int, int]) -> MemoryFollower:
        return MemoryFollower(self, topic, dict(position))

    def _topic(self, topic: str) -> dict[int, list[Record]]:
        if not self.answers:
            raise NotRunning("The broker does not answer.")
        if topic not in self._records:
            raise TopicMissing(f"There is no topic {topic}.")
        return self._records[topic]


class MemoryFollower:
    def __init__(self, broker: MemoryBroker, topic: str, position: dict[int, int]) -> None:
        self._broker, self._topic, self._position = broker, topic, position

    def next(self, most: int, wait_s: float) -> Sequence[Record]:
        deadline = time.monotonic() + wait_s
        while not (found := self._there()[:most]) and time.monotonic() < deadline:
            time.sleep(0.005)
        self._position |= {record.partition: record.offset + 1 for record in found}
        return found

    def close(self) -> None:
        """Nothing to close."""

    def _there(self) -> list[Record]:
        ends = self._broker.end_offsets(self._topic)
        return [record for p, at in self._position.items() for record in self._broker.records(self._topic, p, at, ends[p])]
