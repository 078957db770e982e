"""Timelines and pauses in Cassandra."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from spark_jobs.runtime.session import Session
from weir.cassandra.tables import Tables, ms
from weir.ports.timeline import Event, Pause

MONTH = "INSERT INTO timeline_month (job, month) VALUES (?, ?)"
LINE = "INSERT INTO timeline (job, month, at, id, kind, attempt, who, reason, text, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PAUSE = "INSERT INTO pause (job, kind, who, reason, since, until) VALUES (?, ?, ?, ?, ?, ?)"


class Timeline(Tables):
    def add_event(self, job: str, event: Event) -> None:
        write(self.session, [(job, event)])

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        found: list[Event] = []
        for row in self.session.execute("SELECT month FROM timeline_month WHERE job = ?", job):
            for where, values in _spans(row.month, after):
                if len(found) < limit:
                    cql = f"SELECT * FROM timeline WHERE job = ? AND month = ?{where} LIMIT ?"
                    found += [_event(r) for r in self.session.execute(cql, job, row.month, *values, limit - len(found))]
        return found

    def put_pause(self, job: str, pause: Pause) -> None:
        self.session.execute(PAUSE, job, pause.kind, pause.who, pause.reason, pause.since, pause.until)

    def pauses(self, job: str) -> Sequence[Pause]:
        return [pause_row(r) for r in self.session.execute("SELECT * FROM pause WHERE job = ?", job)]


def write(session: Session, lines: Sequence[tuple[str, Event]]) -> None:
    """Add lines, each of a job. The month is noted first: a line that is there can be found."""
    session.write_partitions(MONTH, [[(job, month_of(e.at))] for job, e in lines])
    session.write_partitions(LINE, [[(job, month_of(e.at), *_values(e))] for job, e in lines])


def month_of(at: int) -> int:
    """The month (UTC) of a moment in ms: 202601."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year * 100 + moment.month


def _spans(month: int, after: tuple[int, str] | None) -> list[tuple[str, tuple[Any, ...]]]:
    """What of a month follows on a line: the rest of its millisecond, which goes up by id, then what is older."""
    if after is None or month < month_of(after[0]):
        return [("", ())]
    return [(" AND at = ? AND id > ?", after), (" AND at < ?", after[:1])] if month == month_of(after[0]) else []


def _values(e: Event) -> tuple[Any, ...]:
    return e.at, e.id, e.kind, e.attempt, e.who, e.reason, e.text, json.dumps(e.detail, default=str)


def _event(r: Any) -> Event:
    return Event(ms(r.at), r.kind, r.text, json.loads(r.detail), r.attempt, r.who, r.reason)


def pause_row(r: Any) -> Pause:
    return Pause(r.kind, r.who, r.reason, ms(r.since), ms(r.until))
