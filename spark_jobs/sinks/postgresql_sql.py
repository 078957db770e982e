"""Compose the SQL statements of the PostgreSQL sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier

from spark_jobs.sinks.postgresql_table import Column, Table

FENCE = "weir_fence"
BATCH = Identifier("pg_temp", "weir_batch")
# Set in each transaction, so that connections of a pool keep their settings.
BEGIN = (
    "SET LOCAL idle_in_transaction_session_timeout = '10s'",  # a driver that is frozen between lock and commit must not keep its lock
    "SET LOCAL client_encoding = 'UTF8'",
    # Otherwise a crash of the server could lose a batch that has landed.
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local')",
)
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull, attgenerated <> '' OR attidentity = 'a'
FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"""
UNIQUE = """
SELECT array_agg(a.attname::text)
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey[0:i.indnkeyatts - 1])
WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid"""


class Statements:
    """Statements for one table, with names quoted."""

    def __init__(self, table: str, key: Sequence[str], deleted: str) -> None:
        self.schema, _, self.name = table.partition(".")
        self.table, self.fence = Identifier(self.schema, self.name), Identifier(self.schema, FENCE)
        self.key, self.deleted = tuple(key), deleted

    def create_fence(self) -> Composable:
        columns = "job text, target text, epoch bigint NOT NULL, attempt bigint NOT NULL, batch_id bigint NOT NULL, at timestamptz NOT NULL"
        return SQL(f"CREATE TABLE IF NOT EXISTS {{}} ({columns}, PRIMARY KEY (job, target))").format(self.fence)

    def seed(self) -> Composable:
        """Insert a job's first row, so that there is one to lock: of two attempts that raise the fence first, the newer must win."""
        return SQL("INSERT INTO {} VALUES (%s, %s, 0, 0, -1, now()) ON CONFLICT DO NOTHING").format(self.fence)

    def held(self, lock: bool) -> Composable:
        said = SQL("SELECT epoch, attempt, batch_id FROM {} WHERE job = %s AND target = %s").format(self.fence)
        return SQL("{} FOR UPDATE").format(said) if lock else said

    def set_held(self) -> Composable:
        return SQL("UPDATE {} SET epoch = %s, attempt = %s, batch_id = %s, at = now() WHERE job = %s AND target = %s").format(self.fence)

    def create_batch(self, names: Sequence[str]) -> Composable:
        columns = [SQL("NULL::boolean AS {}").format(Identifier(n)) if n == self.deleted else Identifier(n) for n in names]
        return SQL("CREATE TEMPORARY TABLE weir_batch ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            SQL(", ").join(columns), self.table
        )

    def copy(self, names: Sequence[str]) -> Composable:
        return SQL("COPY {} ({}) FROM STDIN").format(BATCH, _list(names))

    def repeated(self) -> Composable:
        return SQL("SELECT {0} FROM {1} GROUP BY {0} HAVING count(*) > 1 LIMIT 1").format(_list(self.key), BATCH)

    def delete(self) -> Composable:
        same = SQL(" AND ").join(SQL("t.{0} = b.{0}").format(Identifier(k)) for k in self.key)
        return SQL("DELETE FROM {} t USING {} b WHERE b.{} AND {}").format(self.table, BATCH, Identifier(self.deleted), same)

    def insert(self, names: Sequence[str]) -> Composable:
        own = [n for n in names if n != self.deleted]
        there = SQL(" WHERE {} IS NOT TRUE").format(Identifier(self.deleted)) if self.deleted else SQL("")
        said = SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2}{3}").format(self.table, _list(own), BATCH, there)
        return SQL("{} ON CONFLICT ({}) DO {}").format(said, _list(self.key), self._change(own)) if self.key else said

    def _change(self, names: Sequence[str]) -> Composable:
        rest = [SQL("{0} = EXCLUDED.{0}").format(Identifier(n)) for n in names if n not in self.key]
        return SQL("UPDATE SET {}").format(SQL(", ").join(rest)) if rest else SQL("NOTHING")

    def read_table(self, cursor: Any) -> Table | None:
        """Return the table of the catalog; None if there is none."""
        cursor.execute(
            "SELECT c.oid, c.relpersistence = 'p' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')",
            (self.schema, self.name),
        )
        if (found := cursor.fetchone()) is None:
            return None
        oid, permanent = found
        cursor.execute(COLUMNS, (oid,))
        columns: Mapping[str, Column] = {name: Column(*rest) for name, *rest in cursor.fetchall()}
        cursor.execute(UNIQUE, (oid,))
        return Table(columns, [frozenset(names) for (names,) in cursor.fetchall()], permanent)


def _list(names: Sequence[str]) -> Composable:
    return SQL(", ").join(map(Identifier, names))
