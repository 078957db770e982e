"""Positions in Kafka: a record each of a small compacted topic, committed in the transaction of the lines."""

from __future__ import annotations

import time
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.errors import NotRunning
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


class Positions:
    """The topic of positions at a Kafka."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address

    def create(self) -> None:
        """Create the topic if it is not there. Raises KafkaException."""
        client = AdminClient(client_options(self._address))
        if TOPIC in client.list_topics(timeout=10).topics:
            return
        new = NewTopic(TOPIC, num_partitions=1, replication_factor=-1, config=SETTINGS)  # -1: as many copies as the cluster's default
        try:
            client.create_topics([new], operation_timeout=30)[TOPIC].result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def read(self, key: str, patience_s: float = PATIENCE_S) -> Position | None:
        """Return the last position that was committed under a key. Raises NotRunning, KafkaException.

        It waits until every transaction that had begun in the topic has ended: what comes after an open one cannot be read yet.
        """
        found, deadline = None, time.monotonic() + patience_s
        with closing(self._consumer()) as consumer:
            first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=min(10.0, patience_s))
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
                    found = Position.load(message.value())
        return found

    def _consumer(self) -> Consumer:
        return Consumer({
            **client_options(self._address),
            "group.id": "weir-ingest",  # asked for by the client; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,  # the end is told after this wait
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        })  # fmt: skip
