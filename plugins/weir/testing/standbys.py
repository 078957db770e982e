"""Standbys in memory, as they and the supervisor write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spark_jobs.runtime.standby import Orders
from weir.ports.standbys import StandbyRow


class Standbys:
    """Standbys in memory, as they and the supervisor write them."""

    def __init__(self) -> None:
        super().__init__()
        self._standbys: dict[str, dict[str, StandbyRow]] = {}

    def orders(self, job: str, standby: str) -> Orders | None:
        row = self._standbys.get(job, {}).get(standby)
        return Orders(row.arguments, bool(row.retired_at)) if row and row.version else None

    def put_ready(self, job: str, standby: str, incarnation: str, at: int) -> None:
        self._note_standby(job, standby, ready_at=at, incarnation=incarnation)

    def standbys(self, job: str) -> Sequence[StandbyRow]:
        rows = self._standbys.get(job, {})
        return [rows[one] for one in sorted(rows, reverse=True)[:10] if rows[one].version]

    def put_standby(self, job: str, row: StandbyRow) -> None:
        self._note_standby(job, row.id, version=row.version, submitted_at=row.submitted_at, submission_id=row.submission_id)

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        self._note_standby(job, standby_id, attempt=attempt, arguments=arguments)

    def retire(self, job: str, standby_id: str, at: int) -> None:
        self._note_standby(job, standby_id, retired_at=at)

    def _note_standby(self, job: str, standby: str, **values: Any) -> None:
        rows = self._standbys.setdefault(job, {})
        rows[standby] = replace(rows.get(standby, StandbyRow(standby, "", 0)), **values)
