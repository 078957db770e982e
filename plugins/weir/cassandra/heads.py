"""Heads in Cassandra. What drivers do with them, too, is in spark_jobs/runtime/store.py."""

from __future__ import annotations

from collections.abc import Mapping

from spark_jobs.protocol import codec
from spark_jobs.protocol.head import Head
from spark_jobs.runtime.store import CassandraStore as DriverStore
from spark_jobs.runtime.store import version_of


class Heads(DriverStore):
    def create_head(self, head: Head) -> bool:
        return self.session.swap(
            "INSERT INTO head (job, attempt, incarnation, state, write_ts, record) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            (head.job, *version_of(head), codec.dump(head)),
            lambda: self._is_head(head),
        )

    def _is_head(self, head: Head) -> bool | None:
        current = self.head(head.job)
        return None if current is None else current == head

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        rows = self.session.execute("SELECT attempt, epoch, first_batch FROM attempt WHERE job = ?", job)
        return {r.attempt: (r.epoch, r.first_batch) for r in rows if r.first_batch is not None}
