"""Say why PostgreSQL did not answer a reader, as one of Weir's errors."""

from __future__ import annotations

import psycopg2
from psycopg2 import errors as pg

from spark_jobs.runtime.faults import BadFile
from spark_jobs.sinks.settings import Postgresql
from weir.errors import (
    BadInput,
    BadSetting,
    ConnectionRefused,
    HandshakeFailed,
    LoginRefused,
    NameNotResolved,
    NotAuthorized,
    NotRunning,
    StatementFailed,
    TimedOut,
    WeirError,
)

TOO_LARGE = "WEIR: a row has "  # a text that statements.BOUNDED makes PostgreSQL fail with
AWAY = ("08", "28", "3D", "53300", "57P")  # SQLSTATE: no connection, login, no such database, too many clients, shutdown
ROLE = "docs/sinks.md#reading-rows says how to make the role."
# The client's errors before a login have no code: by a part of the text.
CONNECTING = (
    ("could not translate host name", NameNotResolved, "Check sink.host in job.yaml."),
    ("Connection refused", ConnectionRefused, "Start PostgreSQL, or correct sink.host and sink.port in job.yaml."),
    ("SSL", HandshakeFailed, "Check the certificates of the server and of sink.ca_file."),
    ("certificate", HandshakeFailed, "Check the certificates of the server and of sink.ca_file."),
    ("authentication failed", LoginRefused, f"Correct reader.user or its password file. {ROLE}"),
    ("no password supplied", LoginRefused, "Set reader.password_file in job.yaml."),
    ("does not exist", LoginRefused, ROLE),
    ("no pg_hba.conf entry", LoginRefused, "Let this user connect: pg_hba.conf of the server."),
    ("too many connections", NotRunning, "Try again in some seconds."),
)


def explained(table: Postgresql, error: Exception) -> WeirError | None:
    """Return the error of a client that reads `table`; None for an error that is no fault of server, role or statement."""
    if isinstance(error, WeirError):
        return error
    if isinstance(error, BadFile):
        return BadSetting(f"{error}.", "Correct `reader` in job.yaml, or the file.")
    if isinstance(error, ValueError):
        return BadInput(f"The text cannot be sent to PostgreSQL: {error}.", "Correct it.")
    if not isinstance(error, psycopg2.Error):
        return None
    code, said = error.pgcode or "", " ".join((error.diag.message_primary or str(error)).split())
    if not code or code.startswith(AWAY):
        return _away(table, said)
    return _of_statement(table, error, said)


def _away(table: Postgresql, said: str) -> WeirError:
    where = f"PostgreSQL at {table.host}:{table.port}"
    for part, kind, next_step in CONNECTING:
        if part in said:
            return kind(f"{where} cannot be used: {said}.", next_step)
    return NotRunning(f"{where} does not answer: {said}.", "Check the server, then try again.")


def _of_statement(table: Postgresql, error: psycopg2.Error, said: str) -> WeirError:
    if isinstance(error, pg.QueryCanceled) and "statement timeout" in said:
        return TimedOut("The statement did not end in time, and was stopped.", "Give it more time, or let it read less.")
    if isinstance(error, pg.InsufficientPrivilege):
        return NotAuthorized(f"{table.user} may not do this: {said}.", f"Run: GRANT SELECT ON TABLE ... TO {table.user}. {ROLE}")
    if TOO_LARGE in said:
        size = said.partition(TOO_LARGE)[2].rstrip('"')
        return BadInput(f"A row has {size}, and may have at most 1 MiB.", "Select fewer columns, or a part of them: left(COLUMN, 1000).")
    return StatementFailed(f"PostgreSQL refused the statement: {said}.", "Correct it. It is one SELECT, VALUES or WITH that only reads.")
