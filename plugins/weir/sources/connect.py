"""From the settings to the source that jobs read: the one place that chooses it. Light: `weir ingest` needs nothing else of the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weir.settings import Settings
    from weir.sources.kafka import KafkaBroker


def source(settings: Settings) -> KafkaBroker:
    """Connects when it is first asked. The import is late: Kafka's client has no place in DAG parsing."""
    from weir.sources.kafka import KafkaBroker

    return KafkaBroker(settings.kafka)
