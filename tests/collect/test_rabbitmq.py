"""`weir collect rabbitmq` with a real RabbitMQ: each confirmed message is in Kafka, through kills of both."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.collect.brokers import Broker
from tests.collect.publishing import left_in_rabbitmq, to_rabbitmq
from tests.collecting import Process, collecting, committed
from tests.parts import until
from weir.settings import Settings

pytest.importorskip("pika", reason="the client is not installed: pip install pika")
MESSAGES = 6_000
PREFETCH = 100


def started(kafka: Settings, folder: Path, topic: str, port: int) -> AbstractContextManager[Process]:
    options = ("--broker", f"127.0.0.1:{port}", "--queue", "lines", "--prefetch", str(PREFETCH), "--topic", topic)
    return collecting(kafka, folder, "rabbitmq", *options)


def test_each_message_is_in_kafka_through_kills(real_kafka: Settings, topic: str, rabbitmq: Broker, tmp_path: Path) -> None:
    to_rabbitmq(rabbitmq, range(MESSAGES))
    with started(real_kafka, tmp_path, topic, rabbitmq.port) as collector:
        until(lambda: left_in_rabbitmq(rabbitmq) < MESSAGES - 2 * PREFETCH, "it takes messages", 120)
        collector.kill()
    with started(real_kafka, tmp_path, topic, rabbitmq.port) as collector:
        until(lambda: left_in_rabbitmq(rabbitmq) == 0, "it takes the rest", 120)
        until(lambda: set(committed(real_kafka, topic)) == {b"line %d" % n for n in range(MESSAGES)}, "all are sent", 120)
        found = committed(real_kafka, topic)
        assert sum(found.values()) - len(found) <= PREFETCH  # delivered again: spooled, and not acknowledged at the kill
        rabbitmq.kill()  # it forgets acknowledgements that it has not written yet: 5,170 of 6,000 messages came again
        assert collector.saying("(No connection to RabbitMQ)")
        rabbitmq.start()
        to_rabbitmq(rabbitmq, range(MESSAGES, MESSAGES + 100))
        until(lambda: set(committed(real_kafka, topic)) == {b"line %d" % n for n in range(MESSAGES + 100)}, "all are sent", 120)
        assert collector.stop() == 0
    assert left_in_rabbitmq(rabbitmq) == 0


def test_a_queue_that_is_not_there_is_told_and_waited_for(real_kafka: Settings, topic: str, rabbitmq: Broker, tmp_path: Path) -> None:
    with started(real_kafka, tmp_path, topic, rabbitmq.port) as collector:
        assert collector.saying("ended the consumer of lines: (.*NOT_FOUND)")
        to_rabbitmq(rabbitmq, range(3))
        until(lambda: len(committed(real_kafka, topic)) == 3, "it begins once the queue is there", 60)
        assert collector.stop() == 0
