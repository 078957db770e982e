"""Make the Kafka producers of `weir ingest` and of the drill's load."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.sources.connection import client_options

OUTAGE_S = 300.0  # how long a broker may be away
TRANSACTION_S = 15.0  # after so long without a commit the broker drops what a killed run had sent; until then readers wait
BATCH = 512 * 1024  # bytes


def producer(address: KafkaAddress | str, **more: Any) -> Producer:
    """Return a producer that loses nothing: it waits for all replicas and repeats unanswered requests for `OUTAGE_S` seconds."""
    return Producer({
        **client_options(address),
        "enable.idempotence": True,  # idempotent: a retry after a lost answer does not send a line twice
        "acks": "all",
        "message.max.bytes": 2 * 1024 * 1024,
        "queue.buffering.max.kbytes": 131_072,
        "queue.buffering.max.messages": 500_000,
        "linger.ms": 20,
        "batch.size": BATCH,
        "compression.type": "lz4",
        "message.timeout.ms": int(1000 * OUTAGE_S),
        "delivery.report.only.error": True,
        **more,
    })  # fmt: skip


def transactional(address: KafkaAddress | str, name: str, **more: Any) -> Producer:
    """Return a producer of transactions. Another one of this name ends it, and drops what it has not committed."""
    ms = int(1000 * TRANSACTION_S)
    return producer(address, **{"transactional.id": name, "transaction.timeout.ms": ms, "message.timeout.ms": ms, **more})
