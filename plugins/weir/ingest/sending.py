"""Send lines to a topic, and count those that the brokers acknowledge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import KafkaException, Producer

from weir.errors import NotRunning
from weir.ingest.producers import OUTAGE_S

RUN = 1000  # lines to one partition before the next: so batches are full, and all partitions are used
HURRY_S = 5.0  # how long an interrupted run still waits
PACE_S = 0.002  # a shorter wait is not worth its cost
TOLD = 20  # refused lines that are listed by number
Progress = Callable[[int, int], None]  # lines and bytes read so far


@dataclass
class Sent:
    """The result: `acknowledged` lines are on all in-sync replicas; `refused` are numbers (from 1) of lines over 1 MiB."""

    lines: int = 0
    acknowledged: int = 0
    failed: int = 0
    refused: list[int] = field(default_factory=list)
    refused_lines: int = 0

    @property
    def complete(self) -> bool:
        return self.acknowledged == self.lines and not self.refused_lines


class Interrupted(KeyboardInterrupt):
    """Stopped by a signal; the message has the acknowledged lines."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(f"interrupted: {sent.acknowledged} lines were acknowledged")
        self.sent = sent


class Sender:
    """Sends lines in runs to one partition after the other, and counts them."""

    def __init__(
        self, producer: Producer, topic: str, partitions: list[int], key: bytes, rate: float | None = None, progress: Progress | None = None
    ) -> None:
        self._producer, self._topic, self._partitions, self._key = producer, topic, partitions, key
        self._rate, self._progress = rate, progress
        self._sent, self._due = Sent(), 0.0

    def send(self, lines: Iterator[bytes | None]) -> Sent:
        """Send until the lines end, then wait for the brokers. Raises Interrupted, NotRunning."""
        try:
            self._send(lines)
            self._flush(OUTAGE_S)
        except KeyboardInterrupt as error:
            self._flush(HURRY_S)
            raise Interrupted(self._sent) from error
        return self._sent

    def _send(self, lines: Iterator[bytes | None]) -> None:
        sent, seen, size = self._sent, 0, 0
        for line in lines:
            seen += 1
            if line is None:
                sent.refused_lines += 1
                sent.refused += [seen] if len(sent.refused) < TOLD else []
            else:
                self._produce(line, self._partitions[sent.lines // RUN % len(self._partitions)])
                sent.lines += 1
                size += len(line) + 1
            if self._rate:
                self._pace(1 / self._rate)
            if seen % RUN == 0:
                self._producer.poll(0)
                self._tell(seen, size)
        self._tell(seen, size)

    def _pace(self, share_s: float) -> None:
        """Wait for this line's time. Time lost in a pause is not caught up."""
        now = time.monotonic()
        self._due = max(self._due + share_s, now)
        if self._due - now > PACE_S:
            self._producer.poll(self._due - now)

    def _produce(self, line: bytes, partition: int) -> None:
        while True:
            try:
                self._producer.produce(self._topic, line, self._key, partition, on_delivery=self._failed)
                return
            except BufferError:  # the producer's queue is full
                self._producer.poll(0.1)
            except KafkaException as error:
                raise NotRunning(f"Kafka takes no more lines after {self._sent.lines}: {error}.", "See: weir status") from error

    def _failed(self, error: object, message: object) -> None:
        self._sent.failed += error is not None

    def _tell(self, seen: int, size: int) -> None:
        if self._progress is not None:
            self._progress(seen, size)

    def _flush(self, patience_s: float) -> None:
        """Wait for lines in flight, a second at a time: the client handles no signals while it waits."""
        end = time.monotonic() + patience_s + 1.0
        while (waiting := self._producer.flush(1.0)) and time.monotonic() < end:
            pass
        self._sent.acknowledged = self._sent.lines - self._sent.failed - waiting
