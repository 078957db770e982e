"""What alerts keep in Cassandra: the book of each job, the evaluation ledger, and the inbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from spark_jobs.counts.cells import DAY_MS, day_of
from spark_jobs.runtime.store import day_of as date_of
from weir.cassandra.tables import AT_ONCE, Tables, chunks, ms
from weir.ports.alerts import Booked, Mail, Noted

ROW = "INSERT INTO evaluation (job, rule, day, start, until, record) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
ROWS = "SELECT start, until, record, WRITETIME(record) AS revision FROM evaluation WHERE job = ? AND rule = ? AND day = ? AND start < ?"
SWAP = "UPDATE alerting SET revision = ?, record = ? WHERE job = ? IF revision = ?"
BOOKS = "SELECT job, revision, record FROM alerting WHERE job IN ?"
INBOXES = "SELECT job, at, id, record FROM inbox WHERE job IN ? PER PARTITION LIMIT ?"
FIRST = "INSERT INTO alerting (revision, record, job) VALUES (?, ?, ?) IF NOT EXISTS"


class Alerts(Tables):
    def book(self, job: str) -> Booked | None:
        rows = self.session.serial("SELECT revision, record FROM alerting WHERE job = ?", job)
        return Booked(rows[0].revision, rows[0].record) if rows else None

    def set_book(self, job: str, expected: Booked | None, new: Booked) -> bool:
        def applied() -> bool | None:
            current = self.book(job)
            return True if current == new else None if current == expected else False

        values = (new.revision, new.record, job)
        if expected is None:
            return self.session.swap(FIRST, values, applied)
        return self.session.swap(SWAP, (*values, expected.revision), applied)

    def put_evaluations(self, job: str, rows: Sequence[Noted]) -> None:
        """The revision is the timestamp: no other write of this table has another kind."""
        by_place: dict[tuple[str, int], list[Noted]] = {}
        for row in rows:
            by_place.setdefault((row.rule, day_of(row.start)), []).append(row)
        places = [
            [(job, rule, date_of(day * 1000), r.start, r.end, r.record, r.revision) for r in found]
            for (rule, day), found in by_place.items()
        ]
        self.session.write_partitions(ROW, places)

    def evaluations(self, job: str, rule: str, since: int, until: int) -> Sequence[Noted]:
        days = [date_of(day * 1000) for day in range(day_of(since), until, DAY_MS)]
        rows = (r for day in days for r in self.session.execute(ROWS, job, rule, day, until))
        return [Noted(rule, ms(r.start), ms(r.until), r.revision, r.record) for r in rows if ms(r.until) > since]

    def put_mail(self, job: str, mail: Mail) -> None:
        self.session.execute("INSERT INTO inbox (job, at, id, record) VALUES (?, ?, ?, ?)", job, mail.at, mail.id, mail.record)

    def mails(self, job: str, limit: int = 50) -> Sequence[Mail]:
        return self.inboxes([job], limit)[job]

    def books(self, jobs: Collection[str]) -> Mapping[str, Booked]:
        return {r.job: Booked(r.revision, r.record) for some in chunks(list(jobs), AT_ONCE) for r in self.session.execute(BOOKS, some)}

    def inboxes(self, jobs: Collection[str], limit: int) -> Mapping[str, Sequence[Mail]]:
        found: dict[str, list[Mail]] = {job: [] for job in jobs}
        for some in chunks(list(jobs), AT_ONCE):
            for r in self.session.execute(INBOXES, some, limit):
                found[r.job].append(Mail(ms(r.at), r.id, r.record))
        return found
