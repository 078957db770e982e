"""Write rows to a table of PostgreSQL. The transaction of a batch also updates the fence, a row of `weir_fence` in the table's schema.

COPY loads the rows into a temporary table before the fence is locked, so the lock is held only while the server copies them over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg2

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.landing import Digest, Held
from spark_jobs.sinks.copy_text import Stream, lines
from spark_jobs.sinks.errors import BadRows, BadTarget
from spark_jobs.sinks.fences import may_write, raised
from spark_jobs.sinks.patience import PATIENCE_S, patiently
from spark_jobs.sinks.postgresql_session import Transactions
from spark_jobs.sinks.postgresql_sql import Statements
from spark_jobs.sinks.postgresql_table import of_table, problems
from spark_jobs.sinks.rows import values
from spark_jobs.sinks.settings import Postgresql

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")


class PostgresqlSink:
    """Writes to one table. One thread at a time may use it."""

    hides_claims = False

    def __init__(self, settings: Postgresql, patience_s: float = PATIENCE_S) -> None:
        self._settings, self._patience_s = settings, patience_s
        self._sql = Statements(settings.table, settings.key, settings.deleted)
        self._server = Transactions(settings)
        self._target = self._server.target
        self._checked = False

    def fence(self, head: Head) -> Held:
        return self._patiently("raise the fence", lambda: self._fence(head))

    def write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        self._patiently(f"write batch {claimed.batch_id}", lambda: self._write(claimed, rows, digest))

    def landed(self, head: Head) -> None:
        """Do nothing: readers see the rows since they were written."""

    def rehearse(self, job: str) -> None:
        self._patiently("rehearse", lambda: self._rehearse(job))

    def keep(self) -> None:
        """Do nothing: rows do not expire."""

    def close(self) -> None:
        self._server.close()

    def _fence(self, head: Head) -> Held:
        with self._server.transaction() as cursor:
            self._make_fence(cursor)
            cursor.execute(self._sql.seed(), (head.job, self._settings.table))
            held = raised(self._held(cursor, head.job, lock=True), head)
            self._set_held(cursor, head.job, held)
            return held

    def _write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        with self._server.transaction() as cursor:
            self._check(cursor, {field.name: field.dataType.simpleString() for field in rows.schema})
            if not may_write(self._held(cursor, claimed.job), claimed):
                return
            self._copy(cursor, rows.columns, values(rows, digest, self._target))
            failpoint.reach("sink.write")
            if may_write(self._held(cursor, claimed.job, lock=True), claimed):
                self._move(cursor, rows.columns)
                self._set_held(cursor, claimed.job, Held(claimed.epoch, claimed.attempt, claimed.batch_id))
        failpoint.reach("sink.commit")

    def _rehearse(self, job: str) -> None:
        with self._server.transaction(commit=False) as cursor:
            table = self._sql.read_table(cursor)
            if found := ["it does not exist: create it"] if table is None else list(of_table(table, self._settings.key)):
                raise BadTarget(self._target, found)
            assert table is not None
            own = [name for name, column in table.columns.items() if not column.generated]
            names = [*own, self._settings.deleted] if self._settings.deleted else own
            self._make_fence(cursor)
            self._held(cursor, job)
            cursor.execute(self._sql.create_batch(names))
            self._move(cursor, names)

    def _copy(self, cursor: Any, names: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
        cursor.execute(self._sql.create_batch(names))
        stream = Stream(lines(rows, names, lambda what: BadRows(self._target, what)))
        try:
            cursor.copy_expert(self._sql.copy(names), stream)
        except psycopg2.Error as error:
            raise stream.error or error from error

    def _move(self, cursor: Any, names: Sequence[str]) -> None:
        """Apply the rows of the temporary table to the target: delete and insert or update."""
        if self._settings.key:
            cursor.execute(self._sql.repeated())
            if found := cursor.fetchone():
                shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._settings.key, found, strict=True))
                raise BadRows(self._target, f"several rows have the key {shown}; a batch may have one row for each key")
        if self._settings.deleted:
            cursor.execute(self._sql.delete())
        cursor.execute(self._sql.insert(names))

    def _make_fence(self, cursor: Any) -> None:
        """Create the table of fences if it does not exist. `IF NOT EXISTS` alone needs the right to create tables even if it exists."""
        cursor.execute("SELECT to_regclass(%s) IS NULL", (self._sql.fence.as_string(cursor),))
        if cursor.fetchone()[0]:
            cursor.execute(self._sql.create_fence())

    def _held(self, cursor: Any, job: str, lock: bool = False) -> Held | None:
        cursor.execute(self._sql.held(lock), (job, self._settings.table))
        found = cursor.fetchone()
        return Held(*found) if found and found[0] else None  # epoch 0: only the seed

    def _set_held(self, cursor: Any, job: str, held: Held) -> None:
        cursor.execute(self._sql.set_held(), (held.epoch, held.attempt, held.batch_id, job, self._settings.table))

    def _check(self, cursor: Any, schema: dict[str, str]) -> None:
        if not self._checked and (found := problems(self._sql.read_table(cursor), schema, self._settings.key, self._settings.deleted)):
            raise BadTarget(self._target, found)
        self._checked = True

    def _patiently(self, what: str, run: Callable[[], T]) -> T:
        return patiently(f"{self._target}: {what}", run, self._server.passes, self._patience_s)
