"""Send lines to a topic, and count those that the brokers acknowledge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from confluent_kafka import KafkaException, Producer

from weir.errors import NotRunning
from weir.ingest.cutting import MAX_LINE, Block
from weir.ingest.position import Place
from weir.ingest.producers import OUTAGE_S
from weir.ingest.reading import Text, shown

RUN = 1000  # lines to one partition before the next: so batches are full, and all partitions are used
HURRY_S = 5.0  # how long an interrupted run still waits
PACE_S = 0.002  # a shorter wait is not worth its cost
TOLD = 20  # refused lines that are listed by number
Progress = Callable[[int, int], None]  # lines and bytes read so far


@dataclass
class Sent:
    """The result: `acknowledged` lines are on all in-sync replicas; `refused` are numbers (from 1) of lines over the limit.

    `before` lines were acknowledged by earlier runs. `seen` is the number of the last line, refused ones included; `size` is in bytes.
    `problems` are files of which not all could be read.
    """

    lines: int = 0
    acknowledged: int = 0
    failed: int = 0
    refused: list[int] = field(default_factory=list)
    refused_lines: int = 0
    before: int = 0
    seen: int = 0
    size: int = 0
    problems: list[str] = field(default_factory=list)
    limit: int = MAX_LINE  # bytes of a line

    @property
    def complete(self) -> bool:
        return self.acknowledged == self.lines and not self.refused_lines and not self.problems

    def copy(self) -> Sent:
        return replace(self, refused=list(self.refused), problems=list(self.problems))


class Interrupted(KeyboardInterrupt):
    """Stopped by a signal; the message has the acknowledged lines."""

    def __init__(self, sent: Sent, known: bool = True) -> None:
        super().__init__(f"interrupted: {'' if known else 'at least '}{sent.acknowledged} lines were acknowledged")
        self.sent = sent


class Input(Protocol):
    """The texts that are sent. `parts` yields their lines, and None when there are none at the moment."""

    @property
    def texts(self) -> Sequence[Text]: ...
    def parts(self) -> Iterator[tuple[Text, Block] | None]: ...
    def place(self) -> Place: ...
    def committed(self) -> None: ...


class Sender:
    """Sends lines in runs to one partition after the other, and counts them.

    Nobody knows afterwards which lines of a killed run arrived: this is for what cannot be read again anyway, such as standard input.
    """

    def __init__(
        self, producer: Producer, topic: str, partitions: list[int], key: bytes, rate: float | None = None, progress: Progress | None = None
    ) -> None:
        self._producer, self._topic, self._partitions, self._key = producer, topic, partitions, key
        self._rate, self._progress = rate, progress
        self._sent, self._due, self._told = Sent(), 0.0, 0

    def send(self, texts: Input) -> Sent:
        """Send until the lines end, then wait for the brokers. Raises Interrupted, NotRunning, UnreadableInput."""
        try:
            for part in texts.parts():
                self._part(part)
            self._flush(OUTAGE_S)
        except KeyboardInterrupt as error:
            self._flush(HURRY_S)
            raise Interrupted(self._sent) from error
        return self._ended(texts)

    def _part(self, part: tuple[Text, Block] | None) -> None:
        """Send a block, run by run; line by line if they are paced."""
        self._producer.poll(0)
        if part is None:
            return
        text, block = part
        at = 0
        while at < len(block.lines):
            run = block.lines[at : at + (1 if self._rate else RUN - self._sent.lines % RUN)]
            self._put(run)
            at += len(run)
            self._between(text, block, at)
        self._sent.size += block.stop - block.start
        text.sent = block.stop

    def _between(self, text: Text, block: Block, at: int) -> None:
        """Do what is due between two runs: `at` lines of the block were sent."""

    def _put(self, run: Sequence[bytes | None]) -> None:
        """Send lines to one partition."""
        sent = self._sent
        lines = [line for line in run if line is not None]
        self._produce(lines, self._partitions[sent.lines // RUN % len(self._partitions)])
        if len(lines) < len(run):
            sent.refused_lines += len(run) - len(lines)
            sent.refused += [sent.seen + n for n, line in enumerate(run, 1) if line is None][: TOLD - len(sent.refused)]
        sent.lines += len(lines)
        sent.seen += len(run)
        if self._rate:
            self._pace(len(run) / self._rate)
        if sent.seen - self._told >= RUN:
            self._tell()

    def _produce(self, lines: Sequence[bytes], partition: int) -> None:
        for line in lines:
            while True:
                try:
                    self._producer.produce(self._topic, line, self._key, partition, on_delivery=self._failed)
                    break
                except BufferError:  # the producer's queue is full
                    self._producer.poll(0.1)
                except KafkaException as error:
                    raise NotRunning(f"Kafka accepts no more lines ({self._sent.lines} so far): {error}.", "See: weir status") from error

    def _failed(self, error: object, message: object) -> None:
        self._sent.failed += error is not None

    def _pace(self, share_s: float) -> None:
        """Wait for this line's time. Time lost in a pause is not caught up."""
        now = time.monotonic()
        self._due = max(self._due + share_s, now)
        if self._due - now > PACE_S:
            self._producer.poll(self._due - now)

    def _tell(self) -> None:
        self._told = self._sent.seen
        self._producer.poll(0)
        if self._progress is not None:
            self._progress(self._sent.seen, self._sent.size)

    def _flush(self, patience_s: float) -> None:
        """Wait for lines in flight, a second at a time: the client handles no signals while it waits."""
        end = time.monotonic() + patience_s + 1.0
        while (waiting := self._producer.flush(1.0)) and time.monotonic() < end:
            pass
        self._sent.acknowledged = self._sent.lines - self._sent.failed - waiting

    def _ended(self, texts: Input) -> Sent:
        self._tell()
        self._sent.limit = min((text.limit for text in texts.texts), default=MAX_LINE)
        self._sent.problems = [f"{shown(text.name)} was not read to its end: {text.problem}." for text in texts.texts if text.problem]
        return self._sent
