"""What recounts found, and how far the counts are proven, in Cassandra."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from cassandra.util import uuid_from_time

from weir.cassandra.tables import Tables


class Proofs(Tables):
    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        self.session.execute("INSERT INTO recount (job, at, record) VALUES (?, ?, ?)", job, uuid_from_time(time.time()), json.dumps(record))

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        return [json.loads(r.record) for r in self.session.execute("SELECT record FROM recount WHERE job = ? LIMIT ?", job, limit)]

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        self.session.execute("INSERT INTO proven (job, record) VALUES (?, ?) USING TIMESTAMP ?", job, record, write_ts)

    def put_unproven(self, job: str, work: str, record: str | None) -> None:
        if record is None:
            self.session.execute("DELETE FROM unproven WHERE job = ? AND work = ?", job, work)
        else:
            self.session.execute("INSERT INTO unproven (job, work, record) VALUES (?, ?, ?)", job, work, record)

    def unproven(self, job: str) -> Mapping[str, str]:
        return {r.work: r.record for r in self.session.execute("SELECT work, record FROM unproven WHERE job = ?", job)}

    def proven(self, job: str) -> str | None:
        rows = self.session.execute("SELECT record FROM proven WHERE job = ?", job)
        return rows[0].record if rows else None
