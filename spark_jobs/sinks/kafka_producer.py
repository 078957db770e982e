"""Set the options of the Kafka sink's producer, and explain its errors."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

from spark_jobs.runtime.kafka_client import Options
from spark_jobs.sinks.errors import BadRows, BadTarget
from spark_jobs.sinks.settings import Kafka

QUEUE_KIB = 32 * 1024  # what librdkafka holds of records that no broker has acknowledged
LARGEST = 100 * 1024 * 1024  # bytes: only the broker limits the size of a record; the client's default is 1 MB
# Errors of a record, whenever it is sent.
OF_A_RECORD = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError._UNKNOWN_PARTITION, KafkaError._INVALID_ARG)
REFUSED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.INVALID_TRANSACTION_TIMEOUT,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)


def options(settings: Kafka, transactional_id: str, client: Options, delivered: Callable[..., None]) -> Options:
    """Return the options of a producer; `delivered` is called with each record that could not be sent."""
    ms = int(1000 * settings.transaction_timeout_s)
    return {
        **client,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": ms,
        "message.timeout.ms": ms,
        "queue.buffering.max.kbytes": QUEUE_KIB,
        "message.max.bytes": LARGEST,
        "compression.type": settings.compression,
        "linger.ms": 20,
        "delivery.report.only.error": True,
        "on_delivery": delivered,
    }


def explained(target: str, error: KafkaException, failed: KafkaError | None) -> Exception | None:
    """Return BadRows or BadTarget for a permanent error; None for a temporary one. `failed` is the error of a record, which says more."""
    for one in filter(None, (failed, error.args[0])):
        if one.code() in OF_A_RECORD:
            return BadRows(target, f"{one.str()} (check max.message.bytes of the topic, and that it has the partition)")
        if one.code() in REFUSED:
            return BadTarget(target, [one.str()])
    return None
