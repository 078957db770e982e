"""Upsert rows into a table of Cassandra by its primary key, with the timestamp of the batch's claim.

A claim's timestamp is larger than that of every earlier claim, and each row writes all its columns. So Cassandra ignores what an older
attempt still writes, and a batch that is written twice is there once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.landing import Digest
from spark_jobs.sinks.cassandra_table import Table, of_table, problems, table_of
from spark_jobs.sinks.errors import BadRows, BadTarget
from spark_jobs.sinks.rows import Values, chunks, one_row_per_key, values
from spark_jobs.sinks.settings import CassandraRows

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from spark_jobs.runtime.session import Session

CHUNK = 5_000  # rows that are bound at a time
# A value of each type that a key may have.
ANY_VALUE: dict[str, Any] = {
    "text": "weir",
    "boolean": False,
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "varint"), 0),
    **dict.fromkeys(("float", "double"), 0.0),
    "decimal": Decimal(0),
    "date": date(1970, 1, 1),
    "timestamp": datetime(1970, 1, 1, tzinfo=UTC),
    "blob": b"weir",
}


class CassandraSink:
    """Writes to one table. The session repeats statements during an outage."""

    hides_claims = False

    def __init__(self, settings: CassandraRows, session: Session) -> None:
        self._settings, self._session = settings, session
        self._table: Table | None = None
        self._target = f"table {settings.table} of Cassandra"

    def fence(self, head: Head) -> None:
        """Do nothing: the timestamps of claims are the fence."""

    def write(self, claimed: Head, rows: DataFrame, digest: Digest) -> None:
        table = self._checked({field.name: field.dataType.simpleString() for field in rows.schema})
        one_row_per_key(rows, table.key, self._target)
        all_storable(rows, table, self._target)
        for chunk in chunks(values(rows, digest, self._target), CHUNK):
            self._put(table, rows.columns, chunk, claimed.write_ts)
        failpoint.reach("sink.write")

    def landed(self, head: Head) -> None:
        """Do nothing: readers see the rows since they were written."""

    def rehearse(self, job: str) -> None:
        """Delete a key with a timestamp of 1970, which is older than every row."""
        table = table_of(self._session, self._settings.table)
        if found := ["it does not exist: create it"] if table is None else list(of_table(table)):
            raise BadTarget(self._target, found)
        assert table is not None
        if strange := [name for name in table.key if table.columns[name] not in ANY_VALUE]:
            raise BadTarget(self._target, [f"the column {name} of its key is {table.columns[name]}: use another type" for name in strange])
        self._session.execute(delete_of(table), 1, *(ANY_VALUE[table.columns[name]] for name in table.key))

    def keep(self) -> None:
        """Do nothing: there is no fence beside the rows."""

    def _checked(self, schema: dict[str, str]) -> Table:
        if self._table is None:
            table = table_of(self._session, self._settings.table)
            if found := problems(table, schema, self._settings.deleted):
                raise BadTarget(self._target, found)
            self._table = table
        assert self._table is not None
        return self._table

    def _put(self, table: Table, names: Sequence[str], rows: Iterable[Values], write_ts: int) -> None:
        own = [n for n, name in enumerate(names) if name != self._settings.deleted]
        flag = [n for n, name in enumerate(names) if name == self._settings.deleted]
        key = [names.index(name) for name in table.key]
        puts: dict[Any, list[Values]] = {}
        takes: dict[Any, list[Values]] = {}
        for row in rows:
            partition = tuple(row[names.index(name)] for name in table.partition_key)
            if flag and row[flag[0]]:
                takes.setdefault(partition, []).append((write_ts, *(row[n] for n in key)))
            else:
                puts.setdefault(partition, []).append((*(row[n] for n in own), write_ts))
        columns = [names[n] for n in own]
        places = ", ".join("?" for _ in columns)
        self._session.write_partitions(
            f"INSERT INTO {name_of(table)} ({quoted(columns)}) VALUES ({places}) USING TIMESTAMP ?", puts.values()
        )
        self._session.write_partitions(delete_of(table), takes.values())


def all_storable(rows: DataFrame, table: Table, target: str) -> None:
    """Raise BadRows, before anything is written, for a time finer than milliseconds or an empty partition key: Cassandra has neither."""
    for field in rows.schema:
        kind, column = field.dataType.simpleString(), F.col(f"`{field.name}`")
        if kind in ("timestamp", "array<timestamp>"):
            fine = F.exists(column, _is_fine) if kind.startswith("array") else _is_fine(column)
            what = f"{field.name} has a time finer than milliseconds: use date_trunc('MILLISECOND', {field.name})"
        elif (field.name,) == table.partition_key and kind in ("string", "binary"):
            fine, what = F.length(column) == 0, f"{field.name}, the partition key, is empty"
        else:
            continue
        if rows.where(fine).limit(1).count():
            raise BadRows(target, what)


def _is_fine(column: Column) -> Column:
    return F.unix_micros(column) % 1000 != 0


def delete_of(table: Table) -> str:
    where = " AND ".join(f"{quoted([name])} = ?" for name in table.key)
    return f"DELETE FROM {name_of(table)} USING TIMESTAMP ? WHERE {where}"


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def name_of(table: Table) -> str:
    return f'"{table.keyspace}"."{table.name}"'
