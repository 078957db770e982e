"""The ledger in Cassandra: one partition a day, rows by position."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from spark_jobs.protocol import codec
from spark_jobs.protocol.head import Head, Position, landed
from spark_jobs.runtime.store import RECORD, day_of
from weir.cassandra import sampling
from weir.cassandra.heads import Heads
from weir.cassandra.sampling import Places


class Ledger(Heads):
    def ledger(self, job: str, before: Position | None = None) -> Iterator[Head]:
        cql = f"SELECT {RECORD} FROM ledger WHERE job = ? AND day = ?" + (" AND (attempt, batch_id) < (?, ?)" if before else "")
        for day in self.days(job):
            for row in self.session.stream(cql, job, day, *(before or ())):
                yield codec.load(*row)

    def ledger_after(self, job: str, position: Position) -> Iterator[Head]:
        for day in reversed(self._days_after(job, position)):
            for row in self.session.stream(
                f"SELECT {RECORD} FROM ledger WHERE job = ? AND day = ? AND (attempt, batch_id) > (?, ?) "
                "ORDER BY attempt ASC, batch_id ASC",
                job, day, *position,
            ):  # fmt: skip
                yield codec.load(*row)

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
        at = f"SELECT {RECORD} FROM ledger WHERE job = ? AND day = ? AND (attempt, batch_id) IN ?"

        def fetch(positions: Collection[Position]) -> Mapping[Position, Head]:
            rows = (row for day in days for row in self.session.execute(at, job, day, list(positions)))
            return {found.position: found for found in (codec.load(*row) for row in rows)}

        return sampling.between(Places(landed(head, self.firsts(job)).spans), span, fetch, since, until, most)
