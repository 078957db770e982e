"""Read how far followed files were sent, in a thread.

`weir ingest` commits each position together with its lines, so these lines are in Kafka.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.collect.counters import Counters
from weir.ingest.kinds import ENOUGH, kind_of
from weir.ingest.position import HEAD, Position, digest
from weir.ingest.positions import NEW, TOPIC, reading
from weir.sources.connection import Reasons, unusable

POLL_S = 0.5
AGAIN_S = 5.0  # between questions to a Kafka that sends nothing, and until another try after a failure
LAST_LINE = 65_536  # bytes in which the end of the last whole line is looked for


@dataclass(frozen=True)
class Left:
    """What of the files is not committed."""

    size: int | None  # bytes; None: those of some file are unknown
    age: float | None  # s: the longest time that a file with such bytes has had no commit; 0: there is none


class CommittedPositions:
    """The last committed position of each file. `files` returns the key of each followed file; counts the lines that are committed of these
    after the start."""

    def __init__(self, address: KafkaAddress, files: Callable[[], Mapping[str, str]], seen: Counters) -> None:
        self._address, self._files, self._seen = address, files, seen
        self._records: dict[str, bytes] = {}  # by key, also of files that others follow
        self._at = 0  # the offset to read on from
        self._waits: dict[str, tuple[bytes | None, float]] = {}  # by key: the record, and since when its file has waited (s)

    def run(self, stopping: threading.Event) -> None:
        """Read until `stopping` is set. What goes wrong is shown by metrics and health until Kafka answers again; then it reads on."""
        while not stopping.is_set():
            reasons = Reasons()
            try:
                with closing(Consumer({**reading(self._address), "error_cb": reasons})) as consumer:
                    self._follow(consumer, stopping)
            except KafkaException as error:
                self._failed(error.args[0], reasons)
            except Exception as error:  # noqa: BLE001 - a thread that ends would leave the last good values
                self._seen.trouble = f"{type(error).__name__}: {error}"
            stopping.wait(AGAIN_S)

    def left(self, now: float) -> Left:
        """Return what of the followed files is not committed, without rotated ones; unknown until all positions were read once."""
        if not self._seen.reached:
            return Left(None, None)
        left = {key: bytes_left(self._position(key), path) for path, key in self._files().items()}
        for key, size in left.items():
            record, since = self._waits.get(key, (None, now))
            progressed = record != self._records.get(key) or size == 0 or key not in self._waits
            self._waits[key] = self._records.get(key), now if progressed else since
        known = [size for size in left.values() if size is not None]
        oldest = min((self._waits[key][1] for key, size in left.items() if size), default=now)
        return Left(sum(known) if len(known) == len(left) else None, now - oldest)

    def take(self, key: str, record: bytes) -> None:
        """Note the record of a position that was committed."""
        before, self._records[key] = self._records.get(key), record
        # What came earlier was committed before this process began. Other collectors keep records of another kind in the topic.
        if self._seen.reached and key in self._files().values():
            sent = Position.load(before).lines if before else 0
            self._seen.forwarded += max(0, Position.load(record).lines - sent)
            self._seen.committed_at = time.time()

    def _position(self, key: str) -> Position | None:
        record = self._records.get(key)
        return Position.load(record) if record else None

    def _follow(self, consumer: Consumer, stopping: threading.Event) -> None:
        consumer.assign([TopicPartition(TOPIC, 0, self._at)])
        answered = time.monotonic()
        while not stopping.is_set():
            message = consumer.poll(POLL_S)
            if message is not None:
                self._read(message)
            elif time.monotonic() - answered < AGAIN_S:
                continue
            else:  # without records the client says nothing, whether Kafka answers or not
                consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=AGAIN_S)
            answered, self._seen.trouble = time.monotonic(), ""

    def _read(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            self._seen.reached = True
            return
        self._at = message.offset() + 1
        if (key := message.key()) and (value := message.value()):
            self.take(bytes(key).decode(), bytes(value))

    def _failed(self, error: KafkaError, reasons: Reasons) -> None:
        if error.code() in NEW:  # without the topic nothing was ever sent
            self._seen.reached, self._seen.trouble = True, ""
        else:
            self._seen.trouble = str(unusable(self._address, error.str(), reasons.recent()))


def bytes_left(position: Position | None, path: str) -> int | None:
    """Return how many bytes of a file's whole lines are not committed: 0 if it is gone, None if that is unknown."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as ingest opens it
            found, beginning = os.fstat(file.fileno()), file.read(ENOUGH + HEAD)
            kind = kind_of(beginning)
            if kind.packing or kind.unreadable or kind.encoding != "utf-8":
                return None  # positions count bytes of its text, not of the file
            end = _last_end(file, found.st_size) - kind.mark
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    marks = (*position.place.files, *position.place.ended) if position else ()
    # A file that was cut off, or another one with its inode, has another beginning, or is too short.
    text, size = beginning[kind.mark :], found.st_size - kind.mark
    own = (m for m in marks if m.is_of(found) and m.offset <= size and m.digest == digest(text[: m.length]))
    return max(0, end - max((mark.offset for mark in own), default=0))


def _last_end(file: BinaryIO, size: int) -> int:
    """Return where the last whole line ends: an unfinished one is not sent yet."""
    first = max(0, size - LAST_LINE)
    file.seek(first)
    return first + file.read(LAST_LINE).rfind(b"\n") + 1
