"""Attempts in Cassandra. How one ended is written by its driver, too: spark_jobs/runtime/store.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weir.cassandra.tables import Tables, ms
from weir.ports.attempts import AttemptRow


class Attempts(Tables):
    def attempts(self, job: str, limit: int = 50) -> Sequence[AttemptRow]:
        return [attempt_row(r) for r in self.session.execute("SELECT * FROM attempt WHERE job = ? LIMIT ?", job, limit)]

    def put_attempt(self, job: str, row: AttemptRow) -> None:
        self.session.execute(
            "UPDATE attempt SET cause = ?, who = ?, reason = ?, taken_at = ?, version = ? WHERE job = ? AND attempt = ?",
            row.cause, row.who, row.reason, row.taken_at, row.version, job, row.attempt,
        )  # fmt: skip

    def put_submitted(self, job: str, attempt: int, submission_id: str, at: int) -> None:
        self.session.execute(
            "UPDATE attempt SET submission_id = ?, submitted_at = ? WHERE job = ? AND attempt = ?", submission_id, at, job, attempt
        )


def attempt_row(r: Any) -> AttemptRow:
    """A row whose columns were written by different hands; what is not there yet is empty."""
    return AttemptRow(
        attempt=r.attempt,
        cause=r.cause or "",
        who=r.who or "",
        reason=r.reason or "",
        taken_at=ms(r.taken_at) if r.taken_at else 0,
        epoch=r.epoch or 0,
        first_batch=-1 if r.first_batch is None else r.first_batch,
        version=r.version or "",
        submission_id=r.submission_id or "",
        submitted_at=ms(r.submitted_at) if r.submitted_at else 0,
        incarnation=r.incarnation or "",
        exit_reason=r.exit_reason or "",
        exit_error=r.exit_error or "",
        exit_batch=-1 if r.exit_batch is None else r.exit_batch,
        exited_at=ms(r.exited_at) if r.exited_at else 0,
        proof=getattr(r, "proof", "") or "",  # the column may not have been added yet
    )
