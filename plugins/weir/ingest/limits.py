"""Ask how large a record a topic takes."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from spark_jobs.runtime.kafka_address import KafkaAddress
from weir.ingest.cutting import MAX_LINE
from weir.sources.connection import client_options

ASSUMED = 1_048_588  # Kafka's default, for users who may not ask
OVERHEAD = 512  # of a batch with one record, without its key
PATIENCE_S = 10.0


def record_limit(address: KafkaAddress, topic: str) -> int:
    """Return the topic's `max.message.bytes`; Kafka's default if it cannot be asked."""
    client = AdminClient(client_options(address))
    of = ConfigResource(ConfigResource.Type.TOPIC, topic)
    try:
        return int(client.describe_configs([of], request_timeout=PATIENCE_S)[of].result(PATIENCE_S)["max.message.bytes"].value)
    except (KafkaException, TimeoutError, KeyError):
        return ASSUMED


def line_limit(record: int, key: bytes) -> int:
    """Return how long a line may be to fit into a record."""
    return max(1, min(MAX_LINE, record - len(key) - OVERHEAD))
