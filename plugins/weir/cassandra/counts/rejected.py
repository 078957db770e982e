"""Samples of rejected lines in Cassandra. Drivers write them: spark_jobs/counts/store.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from heapq import merge
from typing import Any

from spark_jobs.counts.cells import RejectedLine
from spark_jobs.protocol.head import Position
from spark_jobs.runtime.store import CassandraStore as DriverStore
from spark_jobs.runtime.store import day_of
from weir.cassandra.tables import ms


class Rejected(DriverStore):
    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        head = self.head(job)
        days = {*self.days(job), *([day_of(head.write_ts)] if head else [])}  # the newest batch may not be in the ledger yet
        for day in sorted(days, reverse=True):
            for r in self._rejected_of(job, day):
                append_ms = ms(r.appended_at) if r.appended_at else None
                yield (r.attempt, r.batch_id), RejectedLine(r.topic, r.partition, r.offset, r.service, r.reason, r.value, append_ms)

    def _rejected_of(self, job: str, day: date) -> Iterator[Any]:
        """Newest batch first, of both tables: until release adaf5c8 drivers wrote to `rejected`, which has no topic in its key."""
        both = ("SELECT * FROM rejected_line WHERE job = ? AND day = ?", "SELECT * FROM rejected WHERE job = ? AND day = ?")
        # As generators: the client's rows begin anew whenever they are asked for an iterator, which `merge` does once more near its end.
        found = ((row for row in self.session.stream(cql, job, day)) for cql in both)
        return merge(*found, key=lambda r: (-r.attempt, -r.batch_id))
