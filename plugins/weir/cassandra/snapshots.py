"""What Cassandra knows of many jobs, in few questions: what a pass over the fleet begins with.

A thousand jobs, asked for one after another, cost 3.2 s of a core and 22 s; asked for a hundred at a time, 0.05 s and 0.3 s. The heads are
read at LOCAL_QUORUM, since a serial read is of one partition: it sees every transaction that has ended, and what it may miss is one that is
just being made. An act reads the head again, serially, and is bound to the attempt that was judged.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from spark_jobs.protocol import codec
from spark_jobs.runtime.session import OUTAGE, Session
from weir.ports.jobs import AttemptRow, JobRow, JobSnapshot, Pause, StandbyRow

AT_ONCE = 100  # jobs of one question; more make the question larger for its coordinator, and gain nothing
PATIENCE_S = 10.0  # of a session that has no bound itself
PAUSE_S = 0.2
HEAD = "SELECT job, record FROM head WHERE job IN ?"
WANTED = "SELECT * FROM job WHERE job IN ?"
ATTEMPTS = "SELECT * FROM attempt WHERE job IN ? PER PARTITION LIMIT ?"
REPORT = "SELECT job, record FROM report WHERE job IN ?"
PROVEN = "SELECT job, record FROM proven WHERE job IN ?"
PAUSES = "SELECT * FROM pause WHERE job IN ?"
STANDBYS_KEPT = 10  # the newest of a job that anybody looks at
STANDBYS = f"SELECT * FROM standby WHERE job IN ? PER PARTITION LIMIT {STANDBYS_KEPT}"
TABLES = HEAD, WANTED, ATTEMPTS, REPORT, PROVEN, PAUSES, STANDBYS
Rows = dict[str, list[Any]]  # by job


def snapshots(session: Session, jobs: Collection[str], history: int) -> Mapping[str, JobSnapshot]:
    """Implements JobStore.snapshots."""
    tables: dict[str, Rows] = {cql: {} for cql in TABLES}
    deadline, size, trouble = time.monotonic() + (session.patience_s or PATIENCE_S), AT_ONCE, ""
    while True:
        trouble = _ask(session, tables, jobs, size, history, deadline) or trouble
        if all(len(rows) == len(jobs) for rows in tables.values()) or time.monotonic() + PAUSE_S > deadline:
            return {job: _snapshot(tables, job, trouble) for job in jobs}
        size = 1 if any(tables.values()) else AT_ONCE  # what a single replica holds back must not hide its neighbours
        time.sleep(PAUSE_S)


def _ask(session: Session, tables: Mapping[str, Rows], jobs: Collection[str], size: int, history: int, deadline: float) -> str:
    """Ask for all that is not known yet, and add what is answered. Returns the error of what is not, or nothing."""
    trouble, begun = "", []
    for cql, rows in tables.items():
        for some in chunks([job for job in jobs if job not in rows], size):
            values = (some, history) if cql is ATTEMPTS else (some,)
            try:
                begun.append((rows, some, session.begin(cql, values, max(0.1, deadline - time.monotonic()))))
            except OUTAGE as error:
                return str(error)
    for rows, some, question in begun:
        try:
            rows |= _by_job(some, question.result())
        except OUTAGE as error:
            trouble = str(error)
    return trouble


def _snapshot(tables: Mapping[str, Rows], job: str, trouble: str) -> JobSnapshot:
    if any(job not in rows for rows in tables.values()):
        return JobSnapshot(trouble=f"the store did not answer: {trouble}")
    head, wanted, attempts, report, proven, pauses, standbys = (tables[cql][job] for cql in TABLES)
    try:
        return JobSnapshot(
            wanted=job_row(wanted[0]) if wanted else None,
            head=codec.load(head[0].record) if head else None,
            attempts=[attempt_row(r) for r in attempts],
            report=report[0].record if report else None,
            records={"proven": proven[0].record} if proven else {},
            pauses=[pause_row(r) for r in pauses],
            standbys=[standby_row(r) for r in standbys if r.version],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return JobSnapshot(trouble=f"its rows in the store cannot be read: {error!r}", report=report[0].record if report else None)


def _by_job(jobs: Sequence[str], found: Any) -> Rows:
    rows: Rows = {job: [] for job in jobs}
    for row in found:
        rows[row.job].append(row)
    return rows


def chunks(jobs: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (jobs[i : i + size] for i in range(0, len(jobs), size))


def job_row(r: Any) -> JobRow:
    return JobRow(r.job, r.revision, r.desired, r.version, r.spec, r.changed_by, r.reason, ms(r.changed_at))


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
    )


def pause_row(r: Any) -> Pause:
    return Pause(r.kind, r.who, r.reason, ms(r.since), ms(r.until))


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


def ms(moment: datetime) -> int:
    """Cassandra's timestamps come back as naive UTC datetimes."""
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)
