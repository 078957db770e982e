"""Reports in Cassandra, and what it knows of many jobs, in few questions: what a pass over the fleet begins with.

A thousand jobs, asked for one after another, cost 3.2 s of a core and 22 s; asked for a hundred at a time, 0.05 s and 0.3 s. The heads are
read at LOCAL_QUORUM, since a serial read is of one partition: it sees every transaction that has ended, and what it may miss is one that is
just being made. An act reads the head again, serially, and is bound to the attempt that was judged.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from spark_jobs.protocol import codec
from spark_jobs.runtime.session import AWAY, Session
from spark_jobs.runtime.store import RECORD
from weir.cassandra import timeline
from weir.cassandra.attempts import attempt_row
from weir.cassandra.jobs import job_row
from weir.cassandra.standbys import STANDBYS_KEPT, standby_row
from weir.cassandra.tables import AT_ONCE, Tables, chunks
from weir.cassandra.timeline import pause_row
from weir.ports.reports import JobSnapshot, Kept, records_of

PATIENCE_S = 10.0  # of a session that has no bound itself
PAUSE_S = 0.2
HEAD = f"SELECT job, {RECORD} FROM head WHERE job IN ?"
WANTED = "SELECT * FROM job WHERE job IN ?"
ATTEMPTS = "SELECT * FROM attempt WHERE job IN ? PER PARTITION LIMIT ?"
REPORT = "SELECT job, record FROM report WHERE job IN ?"
PROVEN = "SELECT job, record FROM proven WHERE job IN ?"
UNPROVEN = "SELECT job, work, record FROM unproven WHERE job IN ?"
PAUSES = "SELECT * FROM pause WHERE job IN ?"
STANDBYS = f"SELECT * FROM standby WHERE job IN ? PER PARTITION LIMIT {STANDBYS_KEPT}"
TABLES = HEAD, WANTED, ATTEMPTS, REPORT, PROVEN, UNPROVEN, PAUSES, STANDBYS
Rows = dict[str, list[Any]]  # by job


class Reports(Tables):
    def report(self, job: str) -> str | None:
        rows = self.session.execute("SELECT record FROM report WHERE job = ?", job)
        return rows[0].record if rows else None

    def snapshots(self, jobs: Collection[str], history: int = 50) -> Mapping[str, JobSnapshot]:
        tables: dict[str, Rows] = {cql: {} for cql in TABLES}
        deadline, size, trouble = time.monotonic() + (self.session.patience_s or PATIENCE_S), AT_ONCE, ""
        while True:
            trouble = _ask(self.session, tables, jobs, size, history, deadline) or trouble
            if all(len(rows) == len(jobs) for rows in tables.values()) or time.monotonic() + PAUSE_S > deadline:
                return {job: _snapshot(tables, job, trouble) for job in jobs}
            size = 1 if any(tables.values()) else AT_ONCE  # what a single replica holds back must not hide its neighbours
            time.sleep(PAUSE_S)

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        self.session.write_partitions("INSERT INTO report (job, record) VALUES (?, ?)", [[(k.job, k.report)] for k in reports])
        timeline.write(self.session, [(k.job, k.event) for k in reports if k.event])


def _ask(session: Session, tables: Mapping[str, Rows], jobs: Collection[str], size: int, history: int, deadline: float) -> str:
    """Ask for all that is not known yet, and add what is answered. Returns the error of what is not, or nothing."""
    trouble, begun = "", []
    for cql, rows in tables.items():
        for some in chunks([job for job in jobs if job not in rows], size):
            values = (some, history) if cql is ATTEMPTS else (some,)
            try:
                begun.append((rows, some, session.begin(cql, values, max(0.1, deadline - time.monotonic()))))
            except AWAY as error:
                return session.why(error)
    for rows, some, question in begun:
        try:
            rows |= _by_job(some, question.result())
        except AWAY as error:
            trouble = session.why(error)
    return trouble


def _snapshot(tables: Mapping[str, Rows], job: str, trouble: str) -> JobSnapshot:
    if any(job not in rows for rows in tables.values()):
        return JobSnapshot(trouble=f"the store did not answer: {trouble}")
    head, wanted, attempts, report, proven, unproven, pauses, standbys = (tables[cql][job] for cql in TABLES)
    try:
        return JobSnapshot(
            wanted=job_row(wanted[0]) if wanted else None,
            head=codec.load(*head[0][1:]) if head else None,
            attempts=[attempt_row(r) for r in attempts],
            report=report[0].record if report else None,
            records={**({"proven": proven[0].record} if proven else {}), **records_of({row.work: row.record for row in unproven})},
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
