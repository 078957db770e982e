"""`weir ingest`: send the lines of a file or of standard input to the topic. The record's key is the service.

No line is dropped silently: a line that is too long is refused with its number, and an interrupted run says how many lines the brokers have
acknowledged.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException, Producer

from weir.errors import BadInput, NotRunning
from weir.settings import Settings

TOPIC = "logs"
MAX_LINE = 1024 * 1024  # bytes, without the line end
READ = 1024 * 1024
RUN = 1000  # lines to one partition before the next: so batches are full, and all partitions are used
OUTAGE_S = 300.0  # how long a broker may be away
HURRY_S = 5.0  # how long an interrupted run still waits
PACE_S = 0.002  # a shorter wait is not worth its cost
POLL_S = 0.2
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


def ingest_file(
    path: Path | str, service: str, settings: Settings, rate: float | None = None, follow: bool = False, progress: Progress | None = None
) -> int:
    """Send every line of a file, `-` for standard input. Return how many were acknowledged. Raises NotRunning if not all were."""
    sent = ingest(path, service, settings, rate=rate, follow=follow, progress=progress)
    if not sent.complete:
        raise NotRunning(f"{sent.acknowledged} of {sent.lines + sent.refused_lines} lines of {path} were acknowledged.", "See: weir status")
    return sent.acknowledged


def ingest(
    path: Path | str,
    service: str,
    settings: Settings,
    *,
    topic: str = TOPIC,
    rate: float | None = None,
    follow: bool = False,
    progress: Progress | None = None,
) -> Sent:
    """Send every line; `rate` is in lines/s, `follow` waits for more at the end of the file.

    Raises BadInput if the file cannot be read, NotRunning if Kafka does not answer, Interrupted.
    """
    chunks = _open(path, follow)
    from weir.factory import source_of

    partitions = source_of(settings).partitions(topic)
    return Sender(producer(settings.kafka), topic, partitions, service.encode(), rate, progress).send(lines(chunks))


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


def producer(address: str) -> Producer:
    """Return a producer that loses nothing: it waits for all replicas and repeats unanswered requests for `OUTAGE_S` seconds."""
    return Producer({
        "bootstrap.servers": address,
        "enable.idempotence": True,  # idempotent: a retry after a lost answer does not send a line twice
        "acks": "all",
        "message.max.bytes": 2 * 1024 * 1024,
        "queue.buffering.max.kbytes": 131_072,
        "queue.buffering.max.messages": 500_000,
        "linger.ms": 20,
        "batch.size": 512 * 1024,
        "compression.type": "lz4",
        "message.timeout.ms": int(1000 * OUTAGE_S),
        "delivery.report.only.error": True,
        "log_level": 0,
    })  # fmt: skip


def lines(chunks: Iterator[bytes]) -> Iterator[bytes | None]:
    """Split at LF only, and drop one CR before it. Yields None for a line over the limit; at most the limit is kept in memory."""
    rest, too_long = b"", False
    for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for piece in whole:
            line = rest + piece if rest else piece
            line = line[:-1] if line.endswith(b"\r") else line
            yield None if too_long or len(line) > MAX_LINE else line
            rest, too_long = b"", False
        rest += tail
        if len(rest) > MAX_LINE + 1:  # one more may be the CR
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long or len(rest) > MAX_LINE else rest


def _open(path: Path | str, follow: bool) -> Iterator[bytes]:
    """Yield the bytes of a file as they come. Raises BadInput at once if it cannot be opened."""
    if str(path) == "-":
        return _chunks(os.dup(sys.stdin.fileno()))
    try:
        opened = os.open(path, os.O_RDONLY)
        os.read(opened, 0)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", "Name a file, or - for standard input.") from error
    return _followed(Path(path), opened) if follow else _chunks(opened)


def _chunks(opened: int) -> Iterator[bytes]:
    with os.fdopen(opened, "rb", buffering=0) as file:
        while chunk := file.read(READ):
            yield chunk


def _followed(path: Path, opened: int) -> Iterator[bytes]:
    """Follow a file as `tail -F` does: continue when it grows, is truncated, or is replaced by another one of its name."""
    while True:
        with os.fdopen(opened, "rb", buffering=0) as file:
            while True:
                while chunk := file.read(READ):
                    yield chunk
                if _is_another(path, file.fileno()):
                    break
                if os.fstat(file.fileno()).st_size < file.tell():
                    file.seek(0)
                yield b""  # lets the sender handle lines in flight
                time.sleep(POLL_S)
        opened = os.open(path, os.O_RDONLY)


def _is_another(path: Path, opened: int) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False  # it is being replaced
