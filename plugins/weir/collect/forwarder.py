"""Send the spool to Kafka, each record once: lines and position are committed in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

from confluent_kafka import KafkaException, Producer

from weir.collect.counters import Counters
from weir.collect.identity import SpoolFolder
from weir.collect.place import Place, require_alone, require_same, start_of
from weir.collect.spool.reader import Reader
from weir.collect.spool.record import Record
from weir.collect.spool.spool import Spool, Spot, Waiting
from weir.errors import NotRunning, SpoolDamaged
from weir.ingest.positions import TOPIC

COMMIT_S = 1.0  # at most, from the first record of a transaction to its commit
QUIET_S = 0.1  # after so long without a new record, the transaction is committed
AGAIN_S = 1.0  # from one attempt to the next while Kafka is away
COMMITTING_S = 60.0  # for one commit; then its result is looked up
RUN = 1000  # lines to one partition before the next


class Kafka(Protocol):
    """The topic, and the position of a spool. Each method but `explained` raises KafkaException or NotRunning."""

    def connect(self) -> Producer: ...
    def place(self) -> Place | None: ...
    def partitions(self) -> list[int]: ...
    def explained(self, error: KafkaException | NotRunning) -> str: ...


class Forwarder:
    """Sends records. After any error it starts again: make a producer, take over the transactional id, continue from the position."""

    def __init__(
        self, spool: Spool, folder: SpoolFolder, kafka: Kafka, counters: Counters, say: Callable[[str], None], stopping: threading.Event
    ) -> None:
        self._spool, self._folder, self._kafka = spool, folder, kafka
        self._counters, self._say, self._stopping = counters, say, stopping
        self._run = uuid4().hex
        self._place: Place | None = None  # as Kafka has it
        self._spot: Spot | None = None  # where that is on disk
        self._open = False
        self._begun, self._lines, self._values = 0.0, 0, 0
        self._producer: Producer
        self._reader: Reader

    def run(self) -> None:
        """Send until stopped. Raises SpoolDiffers, SpoolDamaged, Conflict, BadSetting, OSError."""
        while not self._stopping.is_set():
            try:
                self._start()
                self._send()
            except (KafkaException, NotRunning) as error:
                self._wait(error)

    def waiting(self) -> Waiting | None:
        """Return what is in the spool and not committed; None while the position is unknown. Any thread may call it."""
        return self._spool.waiting(*self._spot) if self._spot else None

    @property
    def left(self) -> int | None:
        """Return how many lines are in the spool and not committed; None while the position is unknown."""
        return self._spool.end.values - self._values if self._spot else None

    def _wait(self, error: KafkaException | NotRunning) -> None:
        """Report the error, unless it is the same as before, and wait a moment."""
        why = self._kafka.explained(error)
        if why != self._counters.trouble and not self._stopping.is_set():
            self._say(f"Nothing is sent to Kafka at the moment; lines wait in the spool. {why}")
        self._counters.trouble, self._open = why, False
        self._stopping.wait(AGAIN_S)

    def _start(self) -> None:
        """Fence every other run of this spool, which aborts its open transaction, and go to where the last commit ended."""
        self._producer = self._kafka.connect()
        self._producer.init_transactions(10.0)
        found = self._kafka.place()
        if self._spot:
            require_alone(found, self._place, self._run)
        number = start_of(found, self._folder.identity.forwarded, self._spool.first, self._spool.end)
        self._reader = Reader(self._spool, number)
        require_same(found, self._reader.point)
        self._place = found
        self._committed()
        self._partitions = self._kafka.partitions()
        if self._counters.trouble:
            self._say("Kafka answers again.")
        self._counters.trouble, self._counters.reached = "", True

    def _committed(self) -> None:
        """Note that all records up to the reader's point were committed."""
        values = self._reader.point.values
        self._counters.forwarded += values - self._values if self._spot else 0
        self._values, self._spot = values, self._reader.spot
        self._spool.remove_before(self._reader.point.number)

    def _send(self) -> None:
        while not self._stopping.is_set():
            record = self._next()
            if record:
                self._produce(record)
            if self._open and (record is None or time.monotonic() - self._begun > COMMIT_S):
                self._commit()
        if self._open:
            self._commit()

    def _next(self) -> Record | None:
        try:
            return self._reader.next(QUIET_S)
        except SpoolDamaged:
            if self._open:  # the records before are intact
                self._commit()
            raise

    def _produce(self, record: Record) -> None:
        if not self._open:
            self._producer.begin_transaction()
            self._open, self._begun = True, time.monotonic()
        values, at = record.block.values(), 0
        while at < len(values):
            run = values[at : at + RUN - self._lines % RUN]
            self._put(run, record.block.key, self._partitions[self._lines // RUN % len(self._partitions)])
            at += len(run)
            self._lines += len(run)

    def _put(self, run: list[bytes], key: bytes, partition: int) -> None:
        produce, topic = self._producer.produce, self._folder.identity.topic
        for value in run:
            while True:
                try:
                    produce(topic, value, key, partition)
                    break
                except BufferError:  # the producer's queue is full; lines that are not sent in time end the transaction
                    self._producer.poll(0.1)

    def _commit(self) -> None:
        """Commit the records that were sent, together with the new position. Raises KafkaException."""
        identity = self._folder.identity
        place = Place(identity.id, self._run, self._reader.point)
        self._producer.produce(TOPIC, place.dump(), identity.name.encode(), 0)
        deadline = time.monotonic() + COMMITTING_S
        while True:
            try:
                self._producer.commit_transaction(1.0)
                break
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
        self._open, self._place = False, place
        self._counters.committed_at = time.time()
        self._folder.forwarded()
        self._committed()
