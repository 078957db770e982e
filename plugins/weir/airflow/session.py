"""The way from Airflow to the manager: the settings of this process, with the user's Spark connection, and a manager for one call."""

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
    """Weir's settings; where Spark is, the connection says, if there is one. Blocks: in the triggerer call it from a thread."""
    return _found()[0]


def connect() -> Manager[Store]:
    """A manager of one's own; close it. The imports are late: drivers of databases and brokers have no place in DAG parsing."""
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
    """A manager for the time of a block."""
    manager = connect()
    try:
        yield manager
    finally:
        manager.close()
