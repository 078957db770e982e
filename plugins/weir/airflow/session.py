"""Open a manager in an Airflow process, from its settings and the user's Spark connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from weir.airflow.connection import elsewhere, with_connection
from weir.connection import Connection
from weir.settings import Settings

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.manager import Manager


def settings() -> Settings:
    """Return Weir's settings, with Spark's address from the connection if there is one. Blocks: in the triggerer call it from a thread."""
    return _found()[0]


def connect() -> Manager[Store]:
    """Return a manager; the caller closes it. The imports are late, since DAG parsing must not load database and broker clients."""
    from weir.airflow.spark_submit import SparkSubmit
    from weir.factory import manager

    found, connection = _found()
    return manager(found, elsewhere(connection, SparkSubmit(found.spark_conn_id)) if connection else {})


def _found() -> tuple[Settings, Connection | None]:
    found = Settings.load()
    try:
        connection = BaseHook.get_connection(found.spark_conn_id)
    except AirflowNotFoundException:
        return found, None
    return with_connection(found, connection), connection


@contextmanager
def opened() -> Iterator[Manager[Store]]:
    """Open a manager for the time of a block."""
    manager = connect()
    try:
        yield manager
    finally:
        manager.close()
