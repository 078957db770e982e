"""`weir collect mqtt` with a real mosquitto: each message of QoS 1 is in Kafka, through kills."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.collect.brokers import Broker
from tests.collect.publishing import to_mqtt
from tests.collecting import Process, collecting, committed
from tests.parts import until
from weir.settings import Settings

pytest.importorskip("paho.mqtt.client", reason="the client is not installed: pip install paho-mqtt")
MESSAGES = 6_000
IN_FLIGHT = 100


def started(kafka: Settings, folder: Path, topic: str, port: int, *more: str) -> AbstractContextManager[Process]:
    options = ("--broker", f"127.0.0.1:{port}", "--subscribe", "plant/#", "--in-flight", str(IN_FLIGHT), "--topic", topic, *more)
    return collecting(kafka, folder, "mqtt", *options)


@pytest.mark.parametrize("version", [(), ("--v311",)])
def test_each_message_is_in_kafka_through_kills(
    real_kafka: Settings, topic: str, mosquitto: Broker, tmp_path: Path, version: tuple[str, ...]
) -> None:
    def sent() -> int:
        return len(committed(real_kafka, topic))

    with started(real_kafka, tmp_path, topic, mosquitto.port, *version) as collector:  # its session is there from now on
        collector.saying("(collecting mqtt on plant/#)")
        to_mqtt(mosquitto, range(10))
        until(lambda: sent() == 10, "the first messages are sent", 60)
        collector.kill()
    to_mqtt(mosquitto, range(10, MESSAGES))
    with started(real_kafka, tmp_path, topic, mosquitto.port, *version) as collector:
        until(lambda: sent() > 10, "it takes what the broker kept", 60)
        collector.kill()
    with started(real_kafka, tmp_path, topic, mosquitto.port, *version) as collector:
        collector.saying("(collecting mqtt on plant/#)")  # the one before may have sent all
        until(lambda: sent() == MESSAGES, "it takes the rest", 120)
        assert collector.stop() == 0
    found = committed(real_kafka, topic)
    assert set(found) == {b"line %d" % n for n in range(MESSAGES)}
    assert sum(found.values()) - len(found) <= 2 * IN_FLIGHT  # delivered again: spooled, and not acknowledged at a kill


def test_a_broker_that_is_away_is_told_and_waited_for(real_kafka: Settings, topic: str, mosquitto: Broker, tmp_path: Path) -> None:
    with started(real_kafka, tmp_path, topic, mosquitto.port) as collector:
        collector.saying("(collecting mqtt on plant/#)")
        to_mqtt(mosquitto, range(10))
        until(lambda: len(committed(real_kafka, topic)) == 10, "messages are sent", 60)
        mosquitto.kill()
        assert collector.saying("(connection to the broker was lost)")
        mosquitto.start()
        until(lambda: _published_and_sent(real_kafka, topic, mosquitto), "messages are sent again", 60)
        assert collector.stop() == 0


def _published_and_sent(settings: Settings, topic: str, broker: Broker) -> bool:
    """Publish once more: until the collector has subscribed again, a broker that lost its session drops messages."""
    to_mqtt(broker, range(10, 20))
    return len(committed(settings, topic)) == 20
