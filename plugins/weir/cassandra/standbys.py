"""Standbys in Cassandra, as the supervisor writes and reads them. What they write themselves is in spark_jobs/runtime/store.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weir.cassandra.tables import Tables, ms
from weir.ports.standbys import StandbyRow

STANDBYS_KEPT = 10  # the newest of a job that anybody looks at
NEWEST = f"SELECT * FROM standby WHERE job = ? LIMIT {STANDBYS_KEPT}"
SUBMITTED = "UPDATE standby SET version = ?, submitted_at = ?, submission_id = ? WHERE job = ? AND id = ?"
CALLED_UP = "UPDATE standby SET attempt = ?, arguments = ? WHERE job = ? AND id = ?"
RETIRED = "UPDATE standby SET retired_at = ? WHERE job = ? AND id = ?"


class Standbys(Tables):
    def standbys(self, job: str) -> Sequence[StandbyRow]:
        rows: list[Any] = self.session.execute(NEWEST, job)
        return [standby_row(r) for r in rows if r.version]

    def put_standby(self, job: str, row: StandbyRow) -> None:
        self.session.execute(SUBMITTED, row.version, row.submitted_at, row.submission_id, job, row.id)

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        self.session.execute(CALLED_UP, attempt, arguments, job, standby_id)

    def retire(self, job: str, standby_id: str, at: int) -> None:
        self.session.execute(RETIRED, at, job, standby_id)


def standby_row(r: Any) -> StandbyRow:
    """A row whose columns were written by different hands; what is not there yet is empty."""
    return StandbyRow(
        id=r.id,
        version=r.version,
        submitted_at=ms(r.submitted_at),
        submission_id=r.submission_id or "",
        ready_at=ms(r.ready_at) if r.ready_at else 0,
        incarnation=r.incarnation or "",
        attempt=r.attempt or 0,
        arguments=r.arguments or "",
        retired_at=ms(r.retired_at) if r.retired_at else 0,
    )
