"""Samples of rejected lines in Cassandra. Drivers write them: spark_jobs/counts/store.py."""

from __future__ import annotations

from collections.abc import Iterator

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
            for r in self.session.stream("SELECT * FROM rejected WHERE job = ? AND day = ?", job, day):
                append_ms = ms(r.appended_at) if r.appended_at else None
                yield (r.attempt, r.batch_id), RejectedLine(r.topic, r.partition, r.offset, r.service, r.reason, r.value, append_ms)
