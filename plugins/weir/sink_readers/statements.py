"""Run one statement on the PostgreSQL of a landed job's sink, as a role that cannot write, bounded in time, rows and bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.sql import Composable

from spark_jobs.sinks.patience import within
from spark_jobs.sinks.postgresql_session import connected
from spark_jobs.sinks.settings import Postgresql
from weir.errors import BadInput, ReaderWrites, TimedOut
from weir.sink_readers.faults import TOO_LARGE, explained
from weir.sink_readers.rights import RIGHTS

MOST_BYTES, MOST_ROW = 16 * 1024 * 1024, 1024 * 1024  # of an answer and of a row, as PostgreSQL's text
GRACE_S = 5.0  # for the server to stop a statement, and to connect
# The statement is a value here, so that it cannot end the transaction: PL/pgSQL opens a cursor for one statement that returns rows only.
OPEN = "DO $weir$ DECLARE answer refcursor := 'weir'; BEGIN OPEN answer FOR EXECUTE current_setting('weir.statement'); END $weir$"
# A row that is too large ends the statement: the cast fails with this text. OFFSET 0 keeps PostgreSQL from testing rows that are left out.
BOUNDED = f"""SELECT * FROM (SELECT octet_length(weir_answer::text), weir_answer.* FROM (
{{}}
) AS weir_answer OFFSET 0) AS weir_bounded (weir_bytes)
WHERE weir_bytes <= {MOST_ROW} OR ('{TOO_LARGE}' || weir_bytes || ' bytes')::boolean"""


@dataclass
class Answer:
    """The columns and rows of a statement. `more` says why rows are left out; empty if there are no more."""

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    more: str = ""


def answered(table: Postgresql, statement: str | Composable, limit: int, timeout_s: float) -> Answer:
    """Return at most `limit` rows. `table` is a sink with the user that reads it.

    Raises ReaderWrites if the user may write, StatementFailed, TimedOut, and NotRunning or one of its kind if the server cannot be used.
    """
    try:
        return within(timeout_s + GRACE_S, "the statement", lambda: _answered(table, statement, limit, time.monotonic() + timeout_s))
    except TimeoutError as error:
        where = f"PostgreSQL at {table.host}:{table.port}"
        raise TimedOut(f"{where} did not answer within {timeout_s:g} s.", "Check the server, then try again.") from error


def _answered(table: Postgresql, statement: str | Composable, limit: int, end: float) -> Answer:
    with _reading(table) as cursor:
        run = _bounded(cursor, end)
        _require_harmless(cursor, run, table.user)
        text = statement if isinstance(statement, str) else statement.as_string(cursor)
        run("SELECT set_config('weir.statement', %s, true)", (BOUNDED.format(text.strip().rstrip(";")),))
        run(OPEN)
        return _fetched(cursor, run, limit)


@contextmanager
def _reading(table: Postgresql) -> Iterator[Any]:
    """Yield a cursor in a transaction that reads, at one snapshot, and end both. Raises as `answered` does."""
    connection = None
    try:
        connection = connected(table, "weir reader", "reader")
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        with connection.cursor() as cursor:
            yield cursor
    except Exception as error:
        raise explained(table, error) or error from error
    finally:
        if connection is not None:
            connection.close()


def _bounded(cursor: Any, end: float) -> Callable[..., None]:
    """Return how to run a statement that ends by `end`. Its time is set each time: the statement before may have called set_config."""

    def run(statement: str, values: tuple[Any, ...] | None = None) -> None:
        left_ms = max(1, int(1000 * (end - time.monotonic())))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (str(left_ms),))
        cursor.execute(statement, values)

    return run


def _require_harmless(cursor: Any, run: Callable[..., None], user: str) -> None:
    """Raise ReaderWrites if the role, or one that it is a member of, may change anything."""
    run(RIGHTS)
    if found := cursor.fetchone():
        grant = "Give `reader` in job.yaml a role that may only read: docs/sinks.md#reading-rows."
        raise ReaderWrites(f"{user} may write, and nothing was run as this role: {found[0]}.", grant)


def _fetched(cursor: Any, run: Callable[..., None], limit: int) -> Answer:
    """Fetch rows in pieces that fit into what is left of MOST_BYTES, so that memory does not grow with the answer."""
    found, left = Answer(), MOST_BYTES
    while not found.more:
        run(f"FETCH {min(limit + 1 - len(found.rows), max(1, left // MOST_ROW))} FROM weir")
        found.columns = _distinct([column.name for column in cursor.description[1:]])
        piece = cursor.fetchall()
        for size, *row in piece:
            left -= size
            if len(found.rows) == limit or left < 0:
                found.more = f"{limit} rows" if len(found.rows) == limit else f"{MOST_BYTES // 2**20} MiB"
                break
            found.rows.append(tuple(row))
        if not piece:
            break
    return found


def _distinct(columns: list[str]) -> list[str]:
    """Raise BadInput if two columns have one name: an answer has each value under its name."""
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise BadInput(f"Two columns are called {twice[0]}.", "Name one of them with AS.")
    return columns
