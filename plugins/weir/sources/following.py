"""Read a topic of Kafka on, as its transactions are committed: implements weir.ports.source.Follower."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, Message

from weir.errors import WeirError
from weir.ports.source import Record

# These bound what the client reads ahead for a slow subscriber. It still takes a single record that is larger.
FOLLOWING = {"queued.max.messages.kbytes": 1024, "fetch.message.max.bytes": 1024 * 1024, "enable.partition.eof": False}


class KafkaFollower:
    """Reads with a consumer that has its partitions. `unreadable` makes the error to raise of one of the client's."""

    def __init__(self, consumer: Consumer, unreadable: Callable[[KafkaError], WeirError]) -> None:
        self._consumer, self._unreadable = consumer, unreadable

    def next(self, most: int, wait_s: float) -> Sequence[Record]:
        """Wait for one record only: `consume` waits for all that it is asked for, and each would come that much later."""
        first = self._consumer.poll(wait_s)
        messages = [] if first is None else [first, *self._consumer.consume(max(1, most - 1), 0)]
        for message in messages:
            if (error := message.error()) is not None:
                raise self._unreadable(error)
        return [record_of(message) for message in messages]

    def close(self) -> None:
        self._consumer.close()


def record_of(message: Message) -> Record:
    """Return a message without an error as a record."""
    partition, offset, (kind, at) = message.partition(), message.offset(), message.timestamp()
    assert partition is not None and offset is not None
    return Record(partition, offset, message.key(), message.value(), at, kind != TIMESTAMP_LOG_APPEND_TIME)
