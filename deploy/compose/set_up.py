"""Create the topics and the tables. Safe to repeat; an older release works on the tables of its successor."""

from __future__ import annotations

from weir.cassandra.migrate import migrate
from weir.ingest import positions
from weir.local import kafka
from weir.settings import Settings

if __name__ == "__main__":
    settings = Settings.load()
    client = kafka.admin(settings.kafka, patience_s=30)
    kafka.topic(client)
    positions.create(client)
    migrate(settings)
