"""Open a manager in an Airflow process, from its settings and the user's Spark connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from weir.airflow.connection import elsewhere, with_connection
from weir.airflow.typed_connections import CASSANDRA, KAFKA, with_cassandra, with_kafka
from weir.connection import Connection
from weir.files import write_private
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager

TYPED = {CASSANDRA: with_cassandra, KAFKA: with_kafka}


def settings() -> Settings:
    """Return Weir's settings, with what the user's connections name, if there are some. Blocks: in the triggerer call it from a thread."""
    return _found()[0]


def connect() -> Manager[Store]:
    """Return a manager; the caller closes it. The imports are late, since DAG parsing must not load database and broker clients."""
    from weir.airflow.spark_submit import SparkSubmit
    from weir.factory import manager

    found, connection = _found()
    return manager(found, elsewhere(connection, SparkSubmit(found.spark_conn_id)) if connection else {})


def _found() -> tuple[Settings, Connection | None]:
    found = Settings.load()
    for conn_id, applied in TYPED.items():
        if (typed := _connection(conn_id)) is not None:
            found = applied(found, typed, partial(_keep, Path(found.home)))
    connection = _connection(found.spark_conn_id)
    return (with_connection(found, connection), connection) if connection else (found, None)


def _connection(conn_id: str) -> Connection | None:
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None


def _keep(home: Path, name: str, secret: str) -> str:
    """Write a secret of a connection to a file of the state folder that only this user can read, if it has changed. Return its path."""
    file = home / "credentials" / name
    if not file.exists() or file.read_text() != secret:
        write_private(file, secret)
    return str(file)


@contextmanager
def opened() -> Iterator[Manager[Store]]:
    """Open a manager for the time of a block."""
    manager = connect()
    try:
        yield manager
    finally:
        manager.close()
