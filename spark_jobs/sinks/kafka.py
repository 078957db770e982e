"""Write records to a topic of Kafka, with one transaction per batch, which also commits the fence.

`init_transactions` ends an older producer of this transactional id and its open transaction. The last caller wins, and that can be an
older attempt that was slow to start; so the committed fence names the attempt. The older attempt reads it and stops. The newer one gets a
fencing error, reads that no later attempt has raised the fence, and begins its transaction again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.landing import Digest, Held
from spark_jobs.runtime.kafka_address import KafkaAddress
from spark_jobs.runtime.kafka_client import client_options
from spark_jobs.sinks.errors import BadTarget
from spark_jobs.sinks.fences import may_write, raised
from spark_jobs.sinks.kafka_fence import REQUEST_S, GroupFence
from spark_jobs.sinks.kafka_producer import explained, options
from spark_jobs.sinks.kafka_records import Record, problems, records
from spark_jobs.sinks.patience import PATIENCE_S, patiently, within
from spark_jobs.sinks.rows import values
from spark_jobs.sinks.settings import Kafka

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")
ABORT_S = 10.0
OFFSETS_S = 10.0  # after the broker was away the call never ends. It was given up after 60 s, and the first batch waited so long
KEEP_S = (
    6 * 3600.0
)  # a group without members expires `offsets.retention.minutes` after its last commit, though its job runs; some set a day
LOG = logging.getLogger(__name__)


class KafkaSink:
    """Writes to one topic. One thread at a time may use it."""

    hides_claims = False

    def __init__(self, settings: Kafka, address: KafkaAddress, job: str, patience_s: float = PATIENCE_S, keep_s: float = KEEP_S) -> None:
        self._settings, self._address, self._patience_s, self._keep_s = settings, address, patience_s, keep_s
        self._id = settings.transactional_id or f"weir.{job}"
        self._target = f"topic {settings.topic} of Kafka at {address.servers}"
        self._producer: Any = None
        self._group: GroupFence | None = None
        self._held: Held | None = None  # what the fence said when this producer last committed
        self._committed_at = 0.0  # when that was, by the monotonic clock (s)
        self._failed: KafkaError | None = None  # of a record of the open transaction

    def fence(self, head: Head) -> Held:
        self._drop()
        return self._patiently("raise the fence", lambda: self._raise(head))

    def write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        if found := problems({field.name: field.dataType.simpleString() for field in rows.schema}):
            raise BadTarget(self._target, found)
        self._patiently(f"write batch {claimed.batch_id}", lambda: self._write(claimed, rows, digest))

    def landed(self, head: Head) -> None:
        """Do nothing: readers see the records since their transaction was committed."""

    def rehearse(self, job: str) -> None:
        """Find the topic and read the fence. Begin no transaction: it would abort the one of the running driver."""
        self._patiently("rehearse", self._look)

    def keep(self) -> None:
        if self._held is None or time.monotonic() - self._committed_at < self._keep_s:
            return
        try:
            self._commit(self._held)
        except (KafkaException, TimeoutError) as error:  # the next batch begins with a producer of its own, and tells if it is fenced
            LOG.warning("the fence in group %s could not be committed again: %s", self._id, error)
            self._drop()

    def close(self) -> None:
        self._drop()
        if self._group:
            self._group.close()
            self._group = None

    def _look(self) -> None:
        self._fence_of_group().find_topic()
        self._fence_of_group().read()

    def _raise(self, head: Head) -> Held:
        """Make the head's attempt the one that may write, and return what the topic holds. Raises Superseded."""
        group = self._fence_of_group()
        group.find_topic()
        raised(group.read(), head)  # an older attempt should not end the producer of a newer one
        producer = Producer(options(self._settings, self._id, client_options(self._address), self._delivered))
        within(2 * REQUEST_S, "init_transactions", lambda: producer.init_transactions(REQUEST_S))
        held = raised(group.read(), head)
        self._producer = producer
        self._commit(held)
        return held

    def _write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        if self._producer is None:
            self._raise(claimed)
        if not may_write(self._held, claimed):
            return
        self._producer.begin_transaction()
        together = ["key"] if "key" in rows.columns else []
        for record in records(values(rows, digest, self._target, together), rows.columns, claimed):
            self._send(record)
        failpoint.reach("sink.write")
        self._commit(Held(claimed.epoch, claimed.attempt, claimed.batch_id), begun=True)
        failpoint.reach("sink.commit")

    def _send(self, record: Record) -> None:
        said: dict[str, Any] = {"partition": record.partition} if record.partition >= 0 else {}
        while True:
            try:
                self._producer.produce(self._settings.topic, record.value, record.key, headers=record.headers, **said)
                self._producer.poll(0)
                return
            except BufferError:  # the queue is full
                self._producer.poll(0.5)

    def _commit(self, held: Held, begun: bool = False) -> None:
        if not begun:
            self._producer.begin_transaction()
        group, producer = self._fence_of_group(), self._producer
        # It does not keep to its time limit when the coordinator goes away: https://github.com/confluentinc/librdkafka/issues/5456
        within(OFFSETS_S, "send_offsets_to_transaction", lambda: group.put(producer, held))
        within(2 * self._patience_s, "commit_transaction", lambda: producer.commit_transaction(self._patience_s))  # sends what is queued
        self._held, self._committed_at = held, time.monotonic()

    def _drop(self) -> KafkaError | None:
        """Drop the producer and abort its open transaction; if that fails, the next `init_transactions` aborts it.

        Return why the first record of the transaction could not be sent; None if there is none.
        """
        producer, self._producer, self._held = self._producer, None, None
        if producer is not None:
            with suppress(KafkaException, SystemError, TimeoutError):
                within(2 * ABORT_S, "abort_transaction", lambda: producer.abort_transaction(ABORT_S))
        failed, self._failed = self._failed, None  # after the abort, which reports each record that it drops
        return failed

    def _fence_of_group(self) -> GroupFence:
        self._group = self._group or GroupFence(self._settings.topic, self._id, client_options(self._address))
        return self._group

    def _delivered(self, error: KafkaError | None, record: Any) -> None:
        self._failed = self._failed or error

    def _patiently(self, what: str, run: Callable[[], T]) -> T:
        def once() -> T:
            try:
                return run()
            except BaseException as error:
                failed = self._drop()
                # The client raises a fatal error inside a delivery report, which Python wraps in a SystemError.
                found = error.__cause__ if isinstance(error, SystemError) else error
                if not isinstance(found, KafkaException):
                    raise
                raise explained(self._target, found, failed) or found from None

        return patiently(f"{self._target}: {what}", once, lambda error: isinstance(error, KafkaException | TimeoutError), self._patience_s)
