"""Make the Kafka producers of `weir ingest` and of the drill's load."""

from __future__ import annotations

from confluent_kafka import Producer

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.sources.connection import client_options

OUTAGE_S = 300.0  # how long a broker may be away


def producer(address: KafkaAddress | str) -> Producer:
    """Return a producer that loses nothing: it waits for all replicas and repeats unanswered requests for `OUTAGE_S` seconds."""
    return Producer({
        **client_options(address),
        "enable.idempotence": True,  # idempotent: a retry after a lost answer does not send a line twice
        "acks": "all",
        "message.max.bytes": 2 * 1024 * 1024,
        "queue.buffering.max.kbytes": 131_072,
        "queue.buffering.max.messages": 500_000,
        "linger.ms": 20,
        "batch.size": 512 * 1024,
        "compression.type": "lz4",
        "message.timeout.ms": int(1000 * OUTAGE_S),
        "delivery.report.only.error": True,
    })  # fmt: skip
