"""The load of a drill: generated lines at a steady rate, and a file with their truth, written before they are sent."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drill.generator import Generator, Truth
from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.errors import NotRunning
from weir.ingest import OUTAGE_S, producer

Cell = tuple[int, str, str, str]  # pane start (ms), service, level, signature
Line = tuple[bytes, bytes]  # service, line
TOPIC = "logs"


@dataclass
class Load:
    """Sends lines from its own thread until it is stopped. It waits when the topic cannot accept lines, so all of them arrive."""

    kafka: KafkaAddress | str
    partitions: int
    generator: Generator
    truth_file: Path
    lines_per_s: float
    failed: list[str] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self._stopping, self._may_send = threading.Event(), threading.Event()
        self._may_send.set()
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._producer = producer(self.kafka)
        self._truth = self.truth_file.open("a")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until all lines are acknowledged. Raises NotRunning if some never are."""
        self._stopping.set()
        self._may_send.set()
        self._thread.join()
        self._flush()
        self._truth.close()
        if self.failed or len(self._producer):
            raise NotRunning(
                f"Of {self.sent} lines, some were never acknowledged: {self.failed[:1]}.", f"The truth is in {self.truth_file}."
            )

    def hold(self) -> None:
        """Pause until `go_on`. Returns when all lines so far are acknowledged."""
        self._may_send.clear()
        with self._sending:
            self._flush()

    def go_on(self) -> None:
        self._may_send.set()

    def begin_anew(self, partitions: int = 0, kafka: KafkaAddress | str = "") -> None:
        """Make a new producer after the topic was recreated, grew or moved: an old one keeps its metadata for minutes. Only while
        paused."""
        self.kafka, self.partitions = kafka or self.kafka, partitions or self.partitions
        self._producer = producer(self.kafka)

    @property
    def held(self) -> bool:
        return not self._may_send.is_set()

    def add(self, lines: Iterable[Line], truth: Truth) -> None:
        """Send the given lines once, now, from the caller's thread."""
        tell(self._truth, truth)
        for n, line in enumerate(lines):
            self._send(line, n % self.partitions)

    def _flush(self) -> None:
        end = time.monotonic() + OUTAGE_S
        while self._producer.flush(1.0) and time.monotonic() < end:
            pass

    def _run(self) -> None:
        due = time.monotonic()
        blocks = self._blocks()
        while True:
            self._may_send.wait()
            with self._sending:
                block = next(blocks)
                for n, line in enumerate(block):
                    self._send(line, n % self.partitions)
                self._producer.poll(0)
            due = max(due + len(block) / self.lines_per_s, time.monotonic() - 1.0)
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return

    def _blocks(self) -> Iterator[list[Line]]:
        """Yield blocks of a second of event time. Each block's truth is on disk before it is yielded."""
        blocks = self.generator.blocks()
        while True:
            self.generator.truth = Truth(self.generator.truth.pane_ms)
            block = next(blocks)
            tell(self._truth, self.generator.truth)
            yield block

    def _send(self, line: Line, partition: int) -> None:
        service, text = line
        while True:
            try:
                self._producer.produce(TOPIC, text, service, partition, on_delivery=self._delivered)
                self.sent += 1
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self.failed.append(str(error))


def tell(file: Any, truth: Truth) -> None:
    """Append the truth of some lines as a line of JSON, and sync it to disk."""
    file.write(json.dumps({"panes": [[*cell, n] for cell, n in truth.panes.items()], "rejected": truth.rejected}) + "\n")
    file.flush()


def told(file: Path) -> Truth:
    """Read a truth file."""
    truth = Truth(0)
    for line in file.read_text().splitlines():
        values = json.loads(line)
        truth.panes.update(Counter({(pane, service, level, signature): n for pane, service, level, signature, n in values["panes"]}))
        truth.rejected.update(values["rejected"])
    return truth
