"""`weir ingest`: send the lines of a file or of standard input to the topic. The record's key is the service.

No line is dropped silently: a line that is too long is refused with its number, and an interrupted run says how many lines the brokers have
acknowledged.
"""

from __future__ import annotations

from pathlib import Path

from weir.addresses import ingest_kafka_address
from weir.errors import NotRunning
from weir.ingest.lines import MAX_LINE, lines
from weir.ingest.producers import OUTAGE_S, producer
from weir.ingest.reading import opened
from weir.ingest.sending import RUN, Interrupted, Progress, Sender, Sent
from weir.settings import Settings
from weir.sources.kafka import KafkaBroker

__all__ = ["MAX_LINE", "OUTAGE_S", "RUN", "Interrupted", "Progress", "Sender", "Sent", "ingest", "ingest_file", "lines", "producer"]

TOPIC = "logs"


def ingest_file(
    path: Path | str, service: str, settings: Settings, rate: float | None = None, follow: bool = False, progress: Progress | None = None
) -> int:
    """Send every line of a file, `-` for standard input. Return how many were acknowledged. Raises NotRunning if not all were."""
    sent = ingest(path, service, settings, rate=rate, follow=follow, progress=progress)
    if not sent.complete:
        raise NotRunning(f"{sent.acknowledged} of {sent.lines + sent.refused_lines} lines of {path} were acknowledged.", "See: weir status")
    return sent.acknowledged


def ingest(
    path: Path | str,
    service: str,
    settings: Settings,
    *,
    topic: str = TOPIC,
    rate: float | None = None,
    follow: bool = False,
    progress: Progress | None = None,
) -> Sent:
    """Send every line; `rate` is in lines/s, `follow` waits for more at the end of the file.

    Raises BadInput if the file cannot be read, NotRunning if Kafka does not answer, Interrupted.
    """
    chunks = opened(path, follow)
    address = ingest_kafka_address(settings)
    partitions = KafkaBroker(address).partitions(topic)
    return Sender(producer(address), topic, partitions, service.encode(), rate, progress).send(lines(chunks))
