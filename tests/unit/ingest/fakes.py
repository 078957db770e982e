"""A Kafka in memory for `weir ingest`: transactions, fencing, and trouble on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException

from weir.ingest.cutting import Block, Cutter
from weir.ingest.following import Once
from weir.ingest.position import Place, Position
from weir.ingest.positions import TOPIC
from weir.ingest.reading import Text, opened

Record = tuple[str, bytes, bytes, int]  # topic, key, value, partition


class Given:
    """Lines that stand for a file: to be sent once, and never again."""

    def __init__(self, lines: Iterable[bytes | None], text: Text | None = None) -> None:
        self._lines = lines
        self.texts: Sequence[Text] = ()

    def parts(self) -> Iterator[tuple[Text, Block] | None]:
        text = type("", (), {"sent": 0})()
        for line in self._lines:
            yield text, Block([line], 0, len(line or b"") + 1, [line or b""])

    def place(self) -> Place:
        return Place()

    def committed(self) -> None:
        pass


class Producer:
    """Takes `room` messages before it is full; acknowledges on poll and flush, except those whose value is in `fails`."""

    def __init__(self, room: int = 10**9, fails: tuple[bytes, ...] = ()) -> None:
        self.room, self.fails = room, fails
        self.waiting: list[tuple[bytes, Callable[..., None]]] = []
        self.sent: list[tuple[bytes, bytes, int]] = []
        self.dead = False

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, on_delivery: Callable[..., None]) -> None:
        if self.dead:
            raise error(KafkaError._FATAL)
        if len(self.waiting) >= self.room:
            raise BufferError
        self.waiting.append((value, on_delivery))
        self.sent.append((key, value, partition))

    def poll(self, timeout: float) -> int:
        for value, told in self.waiting:
            if value in self.fails:
                told("timed out", None)
        self.waiting.clear()
        return 0

    def flush(self, timeout: float) -> int:
        return Producer.poll(self, timeout)


def error(code: int, **how: bool) -> KafkaException:
    return KafkaException(KafkaError(code, **how))


@dataclass
class Kafka:
    """Committed records, and who may still commit under a name. `trouble` is asked before each step: `lost` raises before it has an effect,
    `unheard` after."""

    committed: list[Record] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    trouble: Callable[[str], str] = lambda step: ""

    def connect(self, name: str) -> Transactional:
        return Transactional(self, name)

    def values(self, topic: str = "logs") -> list[bytes]:
        return [value for where, _, value, _ in self.committed if where == topic]

    def read(self, key: str, patience_s: float = 0) -> Position | None:
        """As `Positions.read`."""
        found = self.last(key)
        return Position.load(found) if found else None

    def last(self, key: str) -> bytes | None:
        """As `Positions.last`."""
        found = [value for topic, name, value, _ in self.committed if topic == TOPIC and name == key.encode()]
        return found[-1] if found else None

    def step(self, name: str, effect: Callable[[], None]) -> None:
        what = self.trouble(name)
        if what == "lost":
            raise error(KafkaError._ALL_BROKERS_DOWN)
        effect()
        if what == "unheard":
            raise error(KafkaError._TIMED_OUT)


class Transactional:
    def __init__(self, kafka: Kafka, name: str) -> None:
        self._kafka, self._name, self._epoch = kafka, name, 0
        self._open: list[Record] | None = None

    def init_transactions(self, timeout: float) -> None:
        def begin() -> None:
            self._epoch = self._kafka.epochs[self._name] = self._kafka.epochs.get(self._name, 0) + 1

        self._kafka.step("init", begin)

    def begin_transaction(self) -> None:
        self._open = []

    def produce(self, topic: str, value: bytes, key: bytes, partition: int) -> None:
        assert self._open is not None
        self._kafka.step("produce", lambda: self._open.append((topic, key, value, partition)))  # type: ignore[union-attr]

    def commit_transaction(self, timeout: float) -> None:
        def commit() -> None:
            if self._kafka.epochs[self._name] != self._epoch:
                raise error(KafkaError._FENCED, fatal=True)
            self._kafka.committed += self._open or []
            self._open = None

        self._kafka.step("commit", commit)

    def abort_transaction(self, timeout: float) -> None:
        self._open = None

    def poll(self, timeout: float) -> int:
        return 0


def whole(path: Path) -> Once:
    return Once([opened(path)])


def cut(*texts: bytes, limit: int = 1024 * 1024) -> list[bytes | None]:
    """The lines of a text that arrives in these pieces."""
    cutter = Cutter(limit=limit)
    return [line for block in (*map(cutter.feed, texts), cutter.end()) for line in block.lines]
