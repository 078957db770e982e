"""Positions in Kafka: a record each of a small compacted topic, committed in the transaction of the lines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.errors import NotAuthorized, NotRunning
from weir.ingest.position import Position
from weir.sources.connection import client_options

TOPIC = "weir_ingest"
PATIENCE_S = 30.0  # the transaction of a run that was killed, of another file, may have to end first
POLL_S = 0.2
SETTINGS = {  # a position is written about once a second; compaction leaves the last one of each file
    "cleanup.policy": "compact",
    "segment.bytes": str(4 * 1024**2),
    "segment.ms": str(3600 * 1000),
    "min.cleanable.dirty.ratio": "0.1",
}
NEW = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
)
DENIED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
MADE = "Create it: one partition, cleanup.policy=compact; and allow this user to read and write it."


def create(client: AdminClient) -> None:
    """Create the topic of positions if it is not there. Raises KafkaException."""
    if TOPIC in client.list_topics(timeout=10).topics:
        return
    new = NewTopic(TOPIC, num_partitions=1, replication_factor=-1, config=SETTINGS)  # -1: as many copies as the cluster's default
    try:
        client.create_topics([new], operation_timeout=30)[TOPIC].result(30)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def reading(address: KafkaAddress) -> Mapping[str, Any]:
    """Return the options of a consumer of positions. It tells when it has read everything."""
    return {
        **client_options(address),
        "group.id": "weir-ingest",  # the client requires one; it joins no group and commits nothing
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }


class Positions:
    """The topic of positions at a Kafka."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address

    def create(self) -> None:
        """Create the topic if it is not there. Raises NotRunning, NotAuthorized."""
        client = AdminClient(client_options(self._address))
        try:
            create(client)
        except KafkaException as error:
            if error.args[0].code() in DENIED:
                raise NotAuthorized(
                    f"This user of Kafka may not create the topic {TOPIC}, which keeps how far files were sent.", MADE
                ) from error
            raise NotRunning(f"Kafka at {self._address.servers} did not create the topic {TOPIC}: {error.args[0].str()}.", MADE) from error

    def known(self, key: str) -> Position | None:
        """As `read`, for a run that begins. Raises NotRunning, NotAuthorized."""
        try:
            return self.read(key)
        except KafkaException as error:
            what = f"Kafka at {self._address.servers} did not send the positions of weir ingest: {error.args[0].str()}."
            if error.args[0].code() in DENIED:
                raise NotAuthorized(what, f"Allow this user to read the topic {TOPIC}.") from error
            raise NotRunning(what, "See: weir status") from error

    def read(self, key: str, patience_s: float = PATIENCE_S) -> Position | None:
        """Return the last position of a file that was committed under a key. Raises NotRunning, KafkaException."""
        found = self.last(key, patience_s)
        return Position.load(found) if found else None

    def last(self, key: str, patience_s: float = PATIENCE_S) -> bytes | None:
        """Return the last record that was committed under a key. Raises NotRunning, KafkaException.

        It waits until every transaction that had begun in the topic has ended: what comes after an open one cannot be read yet.
        """
        found: bytes | None = None
        deadline = time.monotonic() + patience_s
        with closing(self._consumer()) as consumer:
            first, end = self._bounds(consumer, deadline)
            consumer.assign([TopicPartition(TOPIC, 0, first)])
            at = first
            while at < end:
                message = consumer.poll(POLL_S)
                if time.monotonic() > deadline:
                    raise NotRunning(f"Kafka at {self._address.servers} did not send the positions of weir ingest in time.", "Try again.")
                if message is None:
                    continue
                if (error := message.error()) is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                at = message.offset() + (error is None)
                if error is None and message.key() == key.encode() and message.value():
                    found = bytes(message.value())
        return found

    def _bounds(self, consumer: Consumer, deadline: float) -> tuple[int, int]:
        """Return the first offset and the end, with open transactions. A topic that was just created is not known at once."""
        while True:
            try:
                first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=max(0.1, deadline - time.monotonic()))
                return first, end
            except KafkaException as error:
                if error.args[0].code() not in NEW or time.monotonic() > deadline:
                    raise
            time.sleep(POLL_S)

    def _consumer(self) -> Consumer:
        return Consumer({**reading(self._address), "fetch.wait.max.ms": 10})  # the end is told after this wait
