"""Make the Kafka producers of `weir ingest` and of the drill's load."""

from __future__ import annotations

from confluent_kafka import Producer

OUTAGE_S = 300.0  # how long a broker may be away


def producer(address: str) -> Producer:
    """Return a producer that loses nothing: it waits for all replicas and repeats unanswered requests for `OUTAGE_S` seconds."""
    return Producer({
        "bootstrap.servers": address,
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
        "log_level": 0,
    })  # fmt: skip
