"""How far followed files were sent. A thread reads the positions that `weir ingest` commits with the lines: what it says is in Kafka."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, TopicPartition

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.collect.counters import Counters
from weir.collect.spool.spool import Waiting
from weir.ingest.position import Position
from weir.ingest.positions import NEW, TOPIC
from weir.sources.connection import client_options

POLL_S = 0.5
AGAIN_S = 5.0  # until another try to read


class Sent:
    """The last position of each key of positions; counts what is committed after the start."""

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
        """Return the bytes of these files (path: key) that are not committed, and since when (ms) one waits without any commit.

        None until all positions were read once. A rotated file counts no more, though its last lines may not be committed yet.
        """
        if not self._seen.reached:
            return None
        left = {key: bytes_left(self._positions.get(key), path) for path, key in files.items()}
        for key, size in left.items():
            position, since = self._waits.get(key, (None, now))
            progressed = position != self._positions.get(key) or not size or key not in self._waits
            self._waits[key] = self._positions.get(key), now if progressed else since
        return Waiting(sum(left.values()), round(1000 * min((self._waits[key][1] for key, size in left.items() if size), default=now)))

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
            "group.id": "weir-collect",  # asked for by the client; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }


def bytes_left(position: Position | None, path: str) -> int:
    """Return how many bytes of a file in UTF-8 are not committed; 0 if it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116 - as ingest looks at it
    except OSError:
        return 0
    marks = (*position.place.files, *position.place.ended) if position else ()
    return max(0, found.st_size - max((mark.offset for mark in marks if mark.is_of(found)), default=0))
