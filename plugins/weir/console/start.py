"""The progress of a job's newest start, after a deploy or a restart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spark_jobs.protocol.head import Head, landed
from weir.counts.times import at
from weir.ports.attempts import AttemptRow
from weir.ports.reports import JobSnapshot

DONE, OPEN, BAD = "done", "open", "bad"


@dataclass(frozen=True)
class Step:
    """A step of a start."""

    what: str
    state: str  # done, open, or bad for an unexpected end
    at: str = ""  # empty if the time is not kept


def steps(snapshot: JobSnapshot, lands: bool = True) -> Sequence[Step]:
    """Return the steps in order: taken, submitted, running, landed; the last two only of a job that `lands` batches and says when it runs.
    Empty if no start is known."""
    newest = next((row for row in snapshot.attempts if row.used or row.taken_at), None)
    if newest is None or snapshot.head is None:
        return []
    if newest.cause == "stop":
        return [Step(f"stopped by {newest.who}", DONE, at(newest.taken_at))]
    found = [
        Step(f"attempt {newest.attempt} taken: {newest.cause} by {newest.who}", DONE, at(newest.taken_at)),
        _step("submitted", bool(newest.submission_id), at(newest.submitted_at)),
    ]
    if lands:
        found += [_step("running", _runs(newest, snapshot.head)), _step("first batch landed", _landed(newest, snapshot))]
    return [*found, _end(newest)] if newest.exit_reason else found


def _step(what: str, done: bool, moment: str = "") -> Step:
    return Step(what, DONE if done else OPEN, moment if done else "")


def _runs(row: AttemptRow, head: Head) -> bool:
    return bool(row.incarnation or row.first_batch >= 0 or (head.attempt == row.attempt and head.incarnation))


def _landed(row: AttemptRow, snapshot: JobSnapshot) -> bool:
    """Return whether a batch of this attempt landed. A batch that an earlier attempt had claimed does not count."""
    firsts = {a.attempt: (a.epoch, a.first_batch) for a in snapshot.attempts if a.first_batch >= 0}
    newest = landed(snapshot.head, firsts).newest if snapshot.head else None
    return newest is not None and newest[0] >= row.attempt


def _end(row: AttemptRow) -> Step:
    asked = row.exit_reason in ("stopped", "superseded")
    return Step(f"ended: {row.exit_reason}", DONE if asked else BAD, at(row.exited_at))
