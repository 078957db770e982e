"""Create the topics and the tables. Safe to repeat; an older release works on the tables of its successor."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from confluent_kafka import KafkaException

from weir.cassandra.migrate import migrate
from weir.errors import WeirError
from weir.ingest import positions
from weir.local import kafka
from weir.settings import Settings

PATIENCE_S = 600.0  # at a load of 80 on two cores one table took two minutes


def main() -> None:
    settings = Settings.load()
    patiently(lambda: topics(settings))
    patiently(lambda: migrate(settings))


def topics(settings: Settings) -> None:
    client = kafka.admin(settings.kafka, patience_s=30)
    kafka.topic(client)
    positions.create(client)


def patiently(step: Callable[[], object], until: float = time.monotonic() + PATIENCE_S) -> None:
    """Try a step until it succeeds. Raises its last error after PATIENCE_S: Compose starts nothing that needs this then."""
    while True:
        try:
            step()
            return
        except (WeirError, KafkaException) as error:
            if time.monotonic() > until:
                raise
            sys.stderr.write(f"again in 5 s: {error}\n")
            time.sleep(5)


if __name__ == "__main__":
    main()
