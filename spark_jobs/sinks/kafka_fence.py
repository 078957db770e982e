"""Read and commit the fence of the Kafka sink: a group's offset, whose metadata names epoch, attempt and batch."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from spark_jobs.protocol.landing import Held
from spark_jobs.runtime.kafka_client import Options

REQUEST_S = 30.0


class GroupFence:
    """The offset of partition 0 of the target, in a group that no consumer joins."""

    def __init__(self, topic: str, group: str, options: Options) -> None:
        self._topic = topic
        self._consumer = Consumer({**options, "group.id": group, "enable.auto.commit": False})

    def read(self) -> Held | None:
        """Return what the last committed transaction says; None if there is none. Raises KafkaException.

        The broker first waits for the group's open transactions, so read it again once `init_transactions` has aborted those of older
        producers.
        """
        try:
            (found,) = self._consumer.committed([TopicPartition(self._topic, 0)], REQUEST_S)
        except KafkaException as error:
            raise self._refusal() or error from None
        if found.error:
            raise KafkaException(found.error)
        return parsed(found.metadata) if found.offset >= 0 else None

    def find_topic(self) -> None:
        """Look for the topic; a producer would create it where the broker allows that. Raises KafkaException."""
        if error := self._consumer.list_topics(self._topic, REQUEST_S).topics[self._topic].error:
            raise KafkaException(error)

    def put(self, producer: Producer, held: Held) -> None:
        """Make this part of the producer's transaction. Raises KafkaException."""
        at: Any = TopicPartition(self._topic, 0, held.batch_id + 1, metadata(held))
        producer.send_offsets_to_transaction([at], self._consumer.consumer_group_metadata(), REQUEST_S)

    def close(self) -> None:
        self._consumer.close()

    def _refusal(self) -> KafkaException | None:
        """Return what the broker said of the group: without the right to read it, the client times out, and gives the reason to poll."""
        said = self._consumer.poll(0.1)
        return KafkaException(said.error()) if said is not None and said.error() else None


def metadata(held: Held) -> str:
    return json.dumps({"epoch": held.epoch, "attempt": held.attempt, "batch_id": held.batch_id})


def parsed(text: str | None) -> Held:
    """Return what metadata says. Raises ValueError if another program committed this group's offset."""
    try:
        found = json.loads(text or "")
        return Held(found["epoch"], found["attempt"], found["batch_id"])
    except (ValueError, KeyError, TypeError) as error:
        what = f"the group's offset was committed by another program: {text!r}"
        raise ValueError(f"{what}. Stop that program; a new job can set another sink.transactional_id instead") from error
