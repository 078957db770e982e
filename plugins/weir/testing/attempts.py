"""Attempts in memory, as drivers and the supervisor write them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from weir.ports.attempts import AttemptRow


class Attempts:
    """Attempts in memory, as drivers and the supervisor write them."""

    def __init__(self) -> None:
        super().__init__()
        self._attempts: dict[str, dict[int, AttemptRow]] = {}
        self._firsts: dict[str, dict[int, tuple[int, int]]] = {}

    def put_first(self, job: str, attempt: int, epoch: int, batch_id: int) -> None:
        self._firsts.setdefault(job, {})[attempt] = (epoch, batch_id)
        self._note(job, attempt, epoch=epoch, first_batch=batch_id)

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        return dict(self._firsts.get(job, {}))

    def attempts(self, job: str, limit: int = 50) -> Sequence[AttemptRow]:
        rows = self._attempts.get(job, {})
        return [rows[a] for a in sorted(rows, reverse=True)[:limit]]

    def put_attempt(self, job: str, row: AttemptRow) -> None:
        self._note(job, row.attempt, cause=row.cause, who=row.who, reason=row.reason, taken_at=row.taken_at, version=row.version)

    def put_submitted(self, job: str, attempt: int, submission_id: str, at: int) -> None:
        self._note(job, attempt, submission_id=submission_id, submitted_at=at)

    def put_exit(self, job: str, attempt: int, incarnation: str, reason: str, error: str, batch_id: int) -> None:
        at = round(time.time() * 1000)
        self._note(job, attempt, incarnation=incarnation, exit_reason=reason, exit_error=error, exit_batch=batch_id, exited_at=at)

    def put_proof(self, job: str, attempt: int, proof: str) -> None:
        self._note(job, attempt, proof=proof)

    def _note(self, job: str, attempt: int, **values: Any) -> None:
        rows = self._attempts.setdefault(job, {})
        rows[attempt] = replace(rows.get(attempt, AttemptRow(attempt)), **values)
