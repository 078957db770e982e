"""The supervisor's side of the store in Cassandra: implements weir.cluster.base.JobStore."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from heapq import merge
from pathlib import Path
from typing import Any, Self, TypeVar

from cassandra.util import uuid_from_time

from cassandra import InvalidRequest
from spark_jobs.counts.cells import RejectedLine
from spark_jobs.counts.store import DeltaTables
from spark_jobs.protocol import codec
from spark_jobs.protocol.head import Head, Position, landed
from spark_jobs.runtime.contract import CassandraAddress
from spark_jobs.runtime.session import OutOfPatience, Session
from spark_jobs.runtime.store import CassandraStore as DriverStore
from spark_jobs.runtime.store import day_of, version_of
from weir.cassandra import alerts as alerting
from weir.cassandra import requests, sampling, snapshots, timeline
from weir.cassandra import standbys as standby
from weir.cassandra.sampling import Places
from weir.cassandra.snapshots import attempt_row, job_row, ms
from weir.errors import NotRunning, StoreBehind
from weir.ports.alerts import Booked, Mail, Noted
from weir.ports.counts import Cell, DayShard, FoldNote, HourShard, Kind, Published, Rolled, Touched
from weir.ports.jobs import AttemptRow, Event, JobRow, JobSnapshot, Kept, Pause, StandbyRow, VersionRow
from weir.ports.requests import Asked
from weir.settings import Settings

T = TypeVar("T")
MIGRATIONS = Path(__file__).parent / "migrations"


def address(settings: Settings) -> CassandraAddress:
    return CassandraAddress(
        hosts=tuple(settings.cassandra_hosts.split(",")),
        port=settings.cassandra_port,
        keyspace=settings.cassandra_keyspace,
        datacenter=settings.cassandra_datacenter,
        user=settings.cassandra_user,
        password_file=settings.cassandra_password_file,
    )


class PatientSession(Session):
    """The supervisor's session: when its patience ends, the error is one that people can read."""

    def patiently(self, what: str, run: Callable[[], T]) -> T:
        try:
            return super().patiently(what, run)
        except OutOfPatience as error:
            raise NotRunning(f"{error}.", "See: weir status") from error

    def _statement(self, cql: str) -> Any:
        with _tables_fit():
            return super()._statement(cql)


@contextmanager
def _tables_fit() -> Iterator[None]:
    """Around what fails only if a table is not the one that is asked for, and not around what is written: a batch that is too large is
    an InvalidRequest as well."""
    try:
        yield
    except InvalidRequest as error:
        raise StoreBehind(f"Cassandra's tables do not match this release of Weir: {error}.", "Run: weir migrate") from error


class CassandraStore(DriverStore, DeltaTables):
    @classmethod
    def connect(cls, address: CassandraAddress, patience_s: float | None) -> Self:
        """Connect; every call then waits up to `patience_s` for an answer and else raises NotRunning."""
        with _tables_fit():
            return cls(PatientSession(address, patience_s))

    def create_head(self, head: Head) -> bool:
        return self.session.swap(
            "INSERT INTO head (job, attempt, incarnation, state, write_ts, record) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            (head.job, *version_of(head), codec.dump(head)),
            lambda: self._is_head(head),
        )

    def _is_head(self, head: Head) -> bool | None:
        current = self.head(head.job)
        return None if current is None else current == head

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        rows = self.session.execute("SELECT attempt, epoch, first_batch FROM attempt WHERE job = ?", job)
        return {r.attempt: (r.epoch, r.first_batch) for r in rows if r.first_batch is not None}

    def hours(self, job: str, since: int | None = None, until: int | None = None) -> Sequence[Touched]:
        rows = self.session.execute(
            "SELECT hour, shard, attempt, batch_id, WRITETIME(batch_id) AS write_ts FROM hour WHERE job = ? AND hour >= ? AND hour < ?",
            job, *_span(since, until),
        )  # fmt: skip
        return [Touched(ms(r.hour), r.shard, (r.attempt, r.batch_id), r.write_ts // 1000) for r in rows]

    def published(self, job: str, at: HourShard) -> Published | None:
        rows = self.session.serial(
            "SELECT run, attempt, batch_id, write_ts, published_at FROM published WHERE job = ? AND hour = ? AND shard = ?", job, *at
        )
        return Published(rows[0].run, (rows[0].attempt, rows[0].batch_id), rows[0].write_ts, ms(rows[0].published_at)) if rows else None

    def publish(self, job: str, at: HourShard, expected: Published | None, new: Published) -> bool:
        def applied() -> bool | None:
            current = self.published(job, at)
            return True if current == new else None if current == expected else False

        condition = "IF NOT EXISTS" if expected is None else "IF run = ?"
        if expected is None:
            cql = (
                "INSERT INTO published (run, attempt, batch_id, write_ts, published_at, job, hour, shard) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            )
        else:
            cql = (
                "UPDATE published SET run = ?, attempt = ?, batch_id = ?, write_ts = ?, published_at = ? "
                "WHERE job = ? AND hour = ? AND shard = ? "
            )
        values = (new.run, *new.position, new.write_ts, new.at, job, *at, *((expected.run,) if expected else ()))
        return self.session.swap(cql + condition, values, applied)

    def put_run(self, job: str, at: HourShard, run: str, base: str, cells: Mapping[Cell, int]) -> None:
        self.session.execute("INSERT INTO run_begun (job, hour, shard, run, base) VALUES (?, ?, ?, ?, ?)", job, *at, run, base)
        self.session.write_partitions(
            "INSERT INTO run (job, hour, shard, run, pane_start, service, level, signature, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [[(job, *at, run, *cell, n) for cell, n in cells.items()]],
        )

    def run_cells(self, job: str, at: HourShard, run: str) -> Mapping[Cell, int]:
        rows = self.session.execute(
            "SELECT pane_start, service, level, signature, n FROM run WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run
        )
        return {_cell(r): r.n for r in rows}

    def put_run_hour(self, job: str, at: HourShard, run: str, kinds: Mapping[Kind, int]) -> None:
        self.session.write_partitions(
            "INSERT INTO run_hour (job, hour, shard, run, service, level, signature, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[(job, *at, run, *kind, n) for kind, n in kinds.items()]],
        )

    def run_hour(self, job: str, at: HourShard, run: str) -> Mapping[Kind, int]:
        rows = self.session.execute(
            "SELECT service, level, signature, n FROM run_hour WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run
        )
        return {(r.service, r.level, r.signature): r.n for r in rows}

    def runs(self, job: str, at: HourShard) -> Mapping[str, str]:
        rows = self.session.execute("SELECT run, base FROM run_begun WHERE job = ? AND hour = ? AND shard = ?", job, *at)
        return {r.run: r.base for r in rows}

    def delete_run(self, job: str, at: HourShard, run: str) -> None:
        self.session.execute("DELETE FROM run WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run)
        self.session.execute("DELETE FROM run_hour WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run)
        self.session.execute("DELETE FROM run_begun WHERE job = ? AND hour = ? AND shard = ? AND run = ?", job, *at, run)

    def rolled(self, job: str, since: int | None = None, until: int | None = None) -> Mapping[DayShard, Rolled]:
        rows = self.session.serial(
            "SELECT day, shard, roll, covers, rolled_at FROM rolled WHERE job = ? AND day >= ? AND day < ?", job, *_span(since, until)
        )
        return {(ms(r.day), r.shard): Rolled(r.roll, _covers(r.covers), ms(r.rolled_at)) for r in rows}

    def publish_roll(self, job: str, at: DayShard, expected: Rolled | None, new: Rolled) -> bool:
        def applied() -> bool | None:
            current = self.rolled(job, at[0], at[0] + 1).get(at)
            return True if current == new else None if current == expected else False

        values = (new.roll, json.dumps(new.covers), new.at, job, *at)
        if expected is None:
            cql = "INSERT INTO rolled (roll, covers, rolled_at, job, day, shard) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
            return self.session.swap(cql, values, applied)
        cql = "UPDATE rolled SET roll = ?, covers = ?, rolled_at = ? WHERE job = ? AND day = ? AND shard = ? IF roll = ?"
        return self.session.swap(cql, (*values, expected.roll), applied)

    def put_roll(self, job: str, at: DayShard, roll: str, base: str, kinds: Mapping[Kind, int]) -> None:
        self.session.execute("INSERT INTO roll_begun (job, day, shard, roll, base) VALUES (?, ?, ?, ?, ?)", job, *at, roll, base)
        self.session.write_partitions(
            "INSERT INTO roll (job, day, shard, roll, service, level, signature, n) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[(job, *at, roll, *kind, n) for kind, n in kinds.items()]],
        )

    def roll_sums(self, job: str, at: DayShard, roll: str) -> Mapping[Kind, int]:
        rows = self.session.execute(
            "SELECT service, level, signature, n FROM roll WHERE job = ? AND day = ? AND shard = ? AND roll = ?", job, *at, roll
        )
        return {(r.service, r.level, r.signature): r.n for r in rows}

    def rolls(self, job: str) -> Mapping[DayShard, Mapping[str, str]]:
        found: dict[DayShard, dict[str, str]] = {}
        for r in self.session.execute("SELECT day, shard, roll, base FROM roll_begun WHERE job = ?", job):
            found.setdefault((ms(r.day), r.shard), {})[r.roll] = r.base
        return found

    def delete_roll(self, job: str, at: DayShard, roll: str) -> None:
        self.session.execute("DELETE FROM roll WHERE job = ? AND day = ? AND shard = ? AND roll = ?", job, *at, roll)
        self.session.execute("DELETE FROM roll_begun WHERE job = ? AND day = ? AND shard = ? AND roll = ?", job, *at, roll)

    def deltas(self, job: str, at: HourShard) -> Iterable[tuple[Position, Cell, int]]:
        rows = self.session.execute(
            "SELECT pane_start, service, level, signature, attempt, batch_id, n FROM delta WHERE job = ? AND hour = ? AND shard = ?",
            job,
            *at,
        )
        return [((r.attempt, r.batch_id), _cell(r), r.n) for r in rows]

    def delete_deltas(self, job: str, at: HourShard, write_ts: int) -> None:
        self.session.execute("DELETE FROM delta USING TIMESTAMP ? WHERE job = ? AND hour = ? AND shard = ?", write_ts, job, *at)

    def hour_totals(self, job: str, at: HourShard) -> Iterable[tuple[Position, Mapping[str, int]]]:
        rows = self.session.execute("SELECT attempt, batch_id, levels FROM ledger_hour WHERE job = ? AND hour = ? AND shard = ?", job, *at)
        return [((r.attempt, r.batch_id), dict(r.levels or {})) for r in rows]

    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        cql = "SELECT record FROM ledger WHERE job = ? AND day = ?" + (" AND (attempt, batch_id) < (?, ?)" if before else "")
        for day in self.days(job):
            for row in self.session.stream(cql, job, day, *(before or ())):
                yield codec.load(row.record)

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        for day in reversed(self._days_after(job, position)):
            for row in self.session.stream(
                "SELECT record FROM ledger WHERE job = ? AND day = ? AND (attempt, batch_id) > (?, ?) ORDER BY attempt ASC, batch_id ASC",
                job, day, *position,
            ):  # fmt: skip
                yield codec.load(row.record)

    def _days_after(self, job: str, position: Position) -> list[date]:
        """The days that may have rows after a position, newest first. Positions grow with the moments of their claims: whoever follows a
        ledger of years need not ask about each of its days."""
        before = "SELECT batch_id FROM ledger WHERE job = ? AND day = ? AND (attempt, batch_id) <= (?, ?) LIMIT 1"
        found = []
        for day in self.days(job):
            found.append(day)
            if self.session.execute(before, job, day, *position):
                break
        return found

    def ledger_between(self, job: str, since: int, until: int, most: int) -> Sequence[Head]:
        head = self.head(job)
        if head is None:
            return []
        days = [day for day in self.days(job) if day_of(since * 1000) <= day <= day_of(until * 1000)]
        if not days:
            return []
        first = "SELECT attempt, batch_id FROM ledger WHERE job = ? AND day = ? ORDER BY attempt ASC, batch_id ASC LIMIT 1"
        last = "SELECT attempt, batch_id FROM ledger WHERE job = ? AND day = ? LIMIT 1"
        ends = [row for cql, day in ((first, days[-1]), (last, days[0])) for row in self.session.execute(cql, job, day)]
        if len(ends) < 2:  # a day is noted before its first row
            return []
        span = (ends[0].attempt, ends[0].batch_id), (ends[1].attempt, ends[1].batch_id)
        at = "SELECT record FROM ledger WHERE job = ? AND day = ? AND (attempt, batch_id) IN ?"

        def fetch(positions: Collection[Position]) -> Mapping[Position, Head]:
            rows = (row for day in days for row in self.session.execute(at, job, day, list(positions)))
            return {found.position: found for found in (codec.load(row.record) for row in rows)}

        return sampling.between(Places(landed(head, self.firsts(job)).spans), span, fetch, since, until, most)

    def touched_after(self, job: str, at: HourShard, position: Position) -> Position | None:
        rows = self.session.execute(
            "SELECT attempt, batch_id FROM ledger_hour WHERE job = ? AND hour = ? AND shard = ? AND (attempt, batch_id) > (?, ?) LIMIT 1",
            job, *at, *position,
        )  # fmt: skip
        return (rows[0].attempt, rows[0].batch_id) if rows else None

    def rejected_lines(self, job: str) -> Iterator[tuple[Position, RejectedLine]]:
        head = self.head(job)
        days = {*self.days(job), *([day_of(head.write_ts)] if head else [])}  # the newest batch may not be in the ledger yet
        for day in sorted(days, reverse=True):
            for r in self._rejected_of(job, day):
                append_ms = ms(r.appended_at) if r.appended_at else None
                yield (r.attempt, r.batch_id), RejectedLine(r.topic, r.partition, r.offset, r.service, r.reason, r.value, append_ms)

    def _rejected_of(self, job: str, day: date) -> Iterator[Any]:
        """Newest batch first, of both tables: until release adaf5c8 drivers wrote to `rejected`, which has no topic in its key."""
        both = ("SELECT * FROM rejected_line WHERE job = ? AND day = ?", "SELECT * FROM rejected WHERE job = ? AND day = ?")
        # As generators: the client's rows begin anew whenever they are asked for an iterator, which `merge` does once more near its end.
        found = ((row for row in self.session.stream(cql, job, day)) for cql in both)
        return merge(*found, key=lambda r: (-r.attempt, -r.batch_id))

    def folds(self, job: str) -> Mapping[HourShard, FoldNote]:
        rows = self.session.execute("SELECT hour, shard, run, attempt, batch_id, folded_at, swept FROM fold WHERE job = ?", job)
        return {(ms(r.hour), r.shard): FoldNote(r.run, (r.attempt, r.batch_id), ms(r.folded_at), r.swept or "") for r in rows if r.run}

    def put_folded(self, job: str, at: HourShard, published: Published) -> None:
        self.session.execute(
            "UPDATE fold SET run = ?, attempt = ?, batch_id = ?, folded_at = ? WHERE job = ? AND hour = ? AND shard = ?",
            published.run, *published.position, published.at, job, *at,
        )  # fmt: skip

    def put_swept(self, job: str, at: HourShard, run: str) -> None:
        self.session.execute("UPDATE fold SET swept = ? WHERE job = ? AND hour = ? AND shard = ?", run, job, *at)

    def put_recount(self, job: str, record: Mapping[str, object]) -> None:
        self.session.execute("INSERT INTO recount (job, at, record) VALUES (?, ?, ?)", job, uuid_from_time(time.time()), json.dumps(record))

    def recounts(self, job: str, limit: int = 50) -> Sequence[Mapping[str, object]]:
        return [json.loads(r.record) for r in self.session.execute("SELECT record FROM recount WHERE job = ? LIMIT ?", job, limit)]

    def put_proven(self, job: str, record: str, write_ts: int) -> None:
        self.session.execute("INSERT INTO proven (job, record) VALUES (?, ?) USING TIMESTAMP ?", job, record, write_ts)

    def proven(self, job: str) -> str | None:
        rows = self.session.execute("SELECT record FROM proven WHERE job = ?", job)
        return rows[0].record if rows else None

    # what the manager keeps

    def job(self, job: str) -> JobRow | None:
        rows = self.session.serial("SELECT * FROM job WHERE job = ?", job)
        return job_row(rows[0]) if rows else None

    def jobs(self) -> Sequence[JobRow]:
        return [job_row(row) for row in self.session.execute("SELECT * FROM job")]

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        def applied() -> bool | None:
            current = self.job(new.job)
            return True if current == new else None if current == expected else False

        values = (new.revision, new.desired, new.version, new.spec, new.changed_by, new.reason, new.changed_at, new.job)
        columns = ("revision", "desired", "version", "spec", "changed_by", "reason", "changed_at")
        if expected is None:
            cql = f"INSERT INTO job ({', '.join(columns)}, job) VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
            return self.session.swap(cql, values, applied)
        cql = f"UPDATE job SET {', '.join(f'{c} = ?' for c in columns)} WHERE job = ? IF revision = ?"
        return self.session.swap(cql, (*values, expected.revision), applied)

    def versions(self, job: str) -> Sequence[VersionRow]:
        rows = self.session.execute("SELECT version, deployed_at, spec, good FROM version WHERE job = ?", job)
        found = [VersionRow(r.version, ms(r.deployed_at), r.spec, bool(r.good)) for r in rows if r.deployed_at]
        return sorted(found, key=lambda v: (v.deployed_at, v.version), reverse=True)

    def put_version(self, job: str, row: VersionRow) -> None:
        self.session.execute(
            "UPDATE version SET deployed_at = ?, spec = ? WHERE job = ? AND version = ?", row.deployed_at, row.spec, job, row.version
        )

    def put_good(self, job: str, version: str) -> None:
        self.session.execute("UPDATE version SET good = true WHERE job = ? AND version = ?", job, version)

    def pending(self) -> Sequence[str]:
        applied = {r.name for r in self.session.execute("SELECT name FROM migration")}
        return sorted(file.name for file in MIGRATIONS.glob("*.cql") if file.name not in applied)

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

    def add_event(self, job: str, event: Event) -> None:
        timeline.write(self.session, [(job, event)])

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        return timeline.read(self.session, job, limit, after)

    def put_pause(self, job: str, pause: Pause) -> None:
        timeline.put_pause(self.session, job, pause)

    def pauses(self, job: str) -> Sequence[Pause]:
        return timeline.pauses(self.session, job)

    def standbys(self, job: str) -> Sequence[StandbyRow]:
        return standby.read(self.session, job)

    def put_standby(self, job: str, row: StandbyRow) -> None:
        standby.put(self.session, job, row)

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        standby.call_up(self.session, job, standby_id, attempt, arguments)

    def retire(self, job: str, standby_id: str, at: int) -> None:
        standby.retire(self.session, job, standby_id, at)

    # what alerts keep

    def book(self, job: str) -> Booked | None:
        return alerting.book(self.session, job)

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        return alerting.set_book(self.session, job, expected, new)

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        alerting.put_evaluations(self.session, job, rows)

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        return list(alerting.evaluations(self.session, job, rule, since, until))

    def put_mail(self, job: str, mail: Mail) -> None:
        alerting.put_mail(self.session, job, mail)

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        return alerting.mails(self.session, job, limit)

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        return alerting.books(self.session, jobs)

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        return alerting.inboxes(self.session, jobs, limit)

    # what the REST service keeps

    def asked(self, who: str, key: str) -> Asked | None:
        return requests.asked(self.session, who, key)

    def set_asked(self, who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        return requests.set_asked(self.session, who, key, expected, new)

    # what is told of jobs

    def report(self, job: str) -> str | None:
        rows = self.session.execute("SELECT record FROM report WHERE job = ?", job)
        return rows[0].record if rows else None

    def snapshots(self, jobs: Collection[str], history: int = 50) -> Mapping[str, JobSnapshot]:
        return snapshots.snapshots(self.session, jobs, history)

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        self.session.write_partitions("INSERT INTO report (job, record) VALUES (?, ?)", [[(k.job, k.report)] for k in reports])
        timeline.write(self.session, [(k.job, k.event) for k in reports if k.event])


def _span(since: int | None, until: int | None) -> tuple[int, int]:
    """Times in ms between which everything lies, where a bound is open."""
    return since if since is not None else -(2**62), until if until is not None else 2**62


def _covers(text: str) -> Mapping[int, Position]:
    return {int(hour): (attempt, batch_id) for hour, (attempt, batch_id) in json.loads(text).items()}


def _cell(row: Any) -> Cell:
    return ms(row.pane_start), row.service, row.level, row.signature


__all__ = ["CassandraStore", "address", "day_of", "ms"]
