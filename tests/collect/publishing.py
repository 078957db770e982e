"""Publish to real brokers: message N is `line N`, and the broker has acknowledged all when a function returns."""

from __future__ import annotations

from tests.collect.brokers import Broker


def to_mqtt(broker: Broker, messages: range) -> None:
    """Publish with QoS 1."""
    from paho.mqtt import client

    sender = client.Client(client.CallbackAPIVersion.VERSION2)
    sender.connect(broker.host, broker.port)
    sender.loop_start()
    for info in [sender.publish(f"plant/{n % 3}", b"line %d" % n, qos=1) for n in messages]:
        info.wait_for_publish(120)
    sender.disconnect()
    sender.loop_stop()


def to_rabbitmq(broker: Broker, messages: range) -> None:
    """Publish into a durable queue."""
    import pika

    with pika.BlockingConnection(pika.ConnectionParameters(broker.host, broker.port)) as connection:
        channel = connection.channel()
        channel.queue_declare("lines", durable=True)
        channel.confirm_delivery()
        for n in messages:
            channel.basic_publish("", "lines", b"line %d" % n, pika.BasicProperties(delivery_mode=2), mandatory=True)


def left_in_rabbitmq(broker: Broker) -> int:
    """Return how many messages the queue has that no consumer was given."""
    import pika

    with pika.BlockingConnection(pika.ConnectionParameters(broker.host, broker.port)) as connection:
        found: int = connection.channel().queue_declare("lines", passive=True).method.message_count
        return found
