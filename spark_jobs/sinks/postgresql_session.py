"""Transactions of the PostgreSQL sink, on a connection that is opened again after it broke."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from spark_jobs.runtime.credentials import password_of
from spark_jobs.sinks.errors import BadRows, BadTarget
from spark_jobs.sinks.postgresql_sql import BEGIN
from spark_jobs.sinks.settings import Postgresql

# Errors of a statement that do not depend on the rows.
REFUSED = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName)
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "connect_timeout": 10}


class Transactions:
    """Transactions at READ COMMITTED, one at a time: each statement must read the fence as it is now, not as of the transaction's begin."""

    def __init__(self, settings: Postgresql) -> None:
        self._settings = settings
        self.target = f"{settings.table} of {settings.database} at {settings.host}:{settings.port}"
        self._connection: Any = None

    @contextmanager
    def transaction(self, commit: bool = True) -> Iterator[Any]:
        """Run one transaction with this cursor; it is rolled back on any error. Raises BadRows, BadTarget, psycopg2.Error, BadFile."""
        connection = self._connected()
        try:
            with connection.cursor() as cursor:
                for statement in BEGIN:
                    cursor.execute(statement)
                yield cursor
            (connection.commit if commit else connection.rollback)()
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            raise BadRows(self.target, " ".join(str(error).split())) from error
        except REFUSED as error:
            raise BadTarget(self.target, [" ".join(str(error).split())]) from error
        finally:
            if not connection.closed:
                connection.rollback()

    def passes(self, error: Exception) -> bool:
        """Return whether an error is temporary: server or connection is away. The fence shows if a commit without an answer succeeded."""
        away = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        return away or (isinstance(error, psycopg2.Error) and bool(self._connection is None or self._connection.closed))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Any:
        if self._connection is None or self._connection.closed:
            self._connection = connected(self._settings)
            self._connection.set_session(isolation_level=ISOLATION_LEVEL_READ_COMMITTED)
        return self._connection


def connected(known: Postgresql, application: str = "weir", section: str = "sink") -> Any:
    """Return a new connection. `section` of the spec has the user. Raises psycopg2.Error, BadFile."""
    tls = {"sslmode": "verify-full", "sslrootcert": known.ca_file} if known.ca_file else {}
    own = {"sslcert": known.cert_file, "sslkey": known.key_file} if known.cert_file else {}
    password = {"password": password_of(known.password_file, setting=f"{section}.password_file")} if known.password_file else {}
    return psycopg2.connect(
        host=known.host, port=known.port, dbname=known.database, user=known.user, application_name=application,
        **KEEPALIVES, **tls, **own, **password,
    )  # fmt: skip
