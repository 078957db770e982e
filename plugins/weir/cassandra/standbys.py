"""Standbys in Cassandra, as the supervisor writes and reads them. What they write themselves is in spark_jobs/runtime/store.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_jobs.runtime.session import Session
from weir.cassandra.snapshots import STANDBYS_KEPT, standby_row
from weir.ports.jobs import StandbyRow

NEWEST = f"SELECT * FROM standby WHERE job = ? LIMIT {STANDBYS_KEPT}"
SUBMITTED = "UPDATE standby SET version = ?, submitted_at = ?, submission_id = ? WHERE job = ? AND id = ?"
CALLED_UP = "UPDATE standby SET attempt = ?, arguments = ? WHERE job = ? AND id = ?"
RETIRED = "UPDATE standby SET retired_at = ? WHERE job = ? AND id = ?"


def read(session: Session, job: str) -> Sequence[StandbyRow]:
    rows: list[Any] = session.execute(NEWEST, job)
    return [standby_row(r) for r in rows if r.version]


def put(session: Session, job: str, row: StandbyRow) -> None:
    session.execute(SUBMITTED, row.version, row.submitted_at, row.submission_id, job, row.id)


def call_up(session: Session, job: str, standby: str, attempt: int, arguments: str) -> None:
    session.execute(CALLED_UP, attempt, arguments, job, standby)


def retire(session: Session, job: str, standby: str, at: int) -> None:
    session.execute(RETIRED, at, job, standby)
