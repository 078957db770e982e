"""Timelines and pauses in Cassandra: what was done about a job, and what a person has said about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from spark_jobs.session import Session
from weir.cluster.glance import ms, pause_row
from weir.cluster.records import Event, Pause

MONTH = "INSERT INTO timeline_month (job, month) VALUES (?, ?)"
LINE = "INSERT INTO timeline (job, month, at, id, kind, attempt, who, reason, text, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PAUSE = "INSERT INTO pause (job, kind, who, reason, since, until) VALUES (?, ?, ?, ?, ?, ?)"


def month_of(at: int) -> int:
    """The month (UTC) of a moment in ms: 202601."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year * 100 + moment.month


def write(session: Session, lines: Sequence[tuple[str, Event]]) -> None:
    """Add lines, each of a job. The month is noted first: a line that is there can be found."""
    session.write_partitions(MONTH, [[(job, month_of(e.at))] for job, e in lines])
    session.write_partitions(LINE, [[(job, month_of(e.at), *_values(e))] for job, e in lines])


def read(session: Session, job: str, limit: int) -> Sequence[Event]:
    """The newest lines, newest first."""
    found: list[Event] = []
    for row in session.execute("SELECT month FROM timeline_month WHERE job = ?", job):
        if len(found) < limit:
            cql = "SELECT * FROM timeline WHERE job = ? AND month = ? LIMIT ?"
            found += [_event(r) for r in session.execute(cql, job, row.month, limit - len(found))]
    return found


def put_pause(session: Session, job: str, pause: Pause) -> None:
    session.execute(PAUSE, job, pause.kind, pause.who, pause.reason, pause.since, pause.until)


def pauses(session: Session, job: str) -> Sequence[Pause]:
    return [pause_row(r) for r in session.execute("SELECT * FROM pause WHERE job = ?", job)]


def _values(e: Event) -> tuple[Any, ...]:
    return e.at, e.id, e.kind, e.attempt, e.who, e.reason, e.text, json.dumps(e.detail, default=str)


def _event(r: Any) -> Event:
    return Event(ms(r.at), r.kind, r.text, json.loads(r.detail), r.attempt, r.who, r.reason)
