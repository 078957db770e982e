"""Read how far followed files were sent, in a thread.

`weir ingest` commits each position together with its lines, so these lines are in Kafka.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from typing import BinaryIO

from confluent_kafka import Consumer, KafkaError, TopicPartition

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.collect.counters import Counters
from weir.collect.spool.spool import Waiting
from weir.ingest.position import Position
from weir.ingest.positions import NEW, TOPIC
from weir.sources.connection import client_options

POLL_S = 0.5
AGAIN_S = 5.0  # until another try to read
MARK = b"\xef\xbb\xbf"  # of UTF-8: not part of the text
# Beginnings of UTF-16, gzip, zstd, bzip2 and xz: positions in such files count bytes of their text, not of the file.
OTHERS = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
LAST_LINE = 65_536  # bytes in which the end of the last whole line is looked for


class CommittedPositions:
    """The last committed position of each file. Counts the lines that are committed after the start."""

    def __init__(self, address: KafkaAddress, seen: Counters) -> None:
        self._address, self._seen = address, seen
        self._positions: dict[str, Position] = {}
        self._at = 0  # the offset to read on from
        self._waits: dict[str, tuple[Position | None, float]] = {}  # by key: the position, and since when its file has waited (s)

    def run(self, stopping: threading.Event) -> None:
        """Read until `stopping` is set."""
        while not stopping.is_set():
            with closing(Consumer(self._options())) as consumer:
                consumer.assign([TopicPartition(TOPIC, 0, self._at)])
                while not stopping.is_set() and self._read(consumer):
                    pass
            stopping.wait(AGAIN_S)

    def waiting(self, files: Mapping[str, str], now: float) -> Waiting | None:
        """Return the bytes of these files (path: key) that are not committed, and since when (ms) a file with such bytes has had no commit.

        None until all positions were read once, and while the bytes of a file are unknown. Rotated files are not included.
        """
        if not self._seen.reached:
            return None
        left = {key: bytes_left(self._positions.get(key), path) for path, key in files.items()}
        for key, size in left.items():
            position, since = self._waits.get(key, (None, now))
            progressed = position != self._positions.get(key) or not size or key not in self._waits
            self._waits[key] = self._positions.get(key), now if progressed else since
        known = [size for size in left.values() if size is not None]
        since = min((self._waits[key][1] for key, size in left.items() if size), default=now)
        return Waiting(sum(known), round(1000 * since)) if len(known) == len(left) else None

    def take(self, key: str, position: Position) -> None:
        """Note a position that was committed."""
        before = self._positions.get(key)
        self._positions[key] = position
        if self._seen.reached:  # what came earlier was committed before this process began
            self._seen.forwarded += max(0, position.lines - (before.lines if before else 0))
            self._seen.committed_at = time.time()

    def _read(self, consumer: Consumer) -> bool:
        """Take one record. Return whether to go on."""
        message = consumer.poll(POLL_S)
        if message is None:
            return True
        error = message.error()
        if error is None:
            self._seen.trouble, self._at = "", message.offset() + 1
            if (key := message.key()) and (value := message.value()):
                self.take(bytes(key).decode(), Position.load(bytes(value)))
        elif error.code() == KafkaError._PARTITION_EOF or error.code() in NEW:  # without the topic nothing was ever sent
            self._seen.reached, self._seen.trouble = True, ""
        else:
            self._seen.trouble = f"Kafka at {self._address.servers}: {error.str()}"
            return not error.fatal()
        return error is None or error.code() == KafkaError._PARTITION_EOF

    def _options(self) -> Mapping[str, object]:
        return {
            **client_options(self._address),
            "group.id": "weir-collect",  # the client requires one; it joins no group and commits nothing
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }


def bytes_left(position: Position | None, path: str) -> int | None:
    """Return how many bytes of a file's whole lines are not committed: 0 if it is gone, None if that is unknown."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as ingest opens it
            found, beginning = os.fstat(file.fileno()), file.read(6)
            if beginning.startswith(OTHERS):
                return None
            end = _last_end(file, found.st_size) - (len(MARK) if beginning.startswith(MARK) else 0)
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    marks = (*position.place.files, *position.place.ended) if position else ()
    return max(0, end - max((mark.offset for mark in marks if mark.is_of(found)), default=0))


def _last_end(file: BinaryIO, size: int) -> int:
    """Return where the last whole line ends: an unfinished one is not sent yet."""
    first = max(0, size - LAST_LINE)
    file.seek(first)
    return first + file.read(LAST_LINE).rfind(b"\n") + 1
