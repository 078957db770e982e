"""The user's own Spark connection, of the provider's type, as Weir's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from weir.errors import BadInput
from weir.settings import Settings

REST_PORT = 6066


class SparkConnection(Protocol):
    """The part of an Airflow connection that says where Spark is."""

    @property
    def conn_type(self) -> str | None: ...
    @property
    def host(self) -> str | None: ...
    @property
    def port(self) -> int | None: ...
    @property
    def extra_dejson(self) -> Mapping[str, Any]: ...


def with_connection(settings: Settings, connection: SparkConnection) -> Settings:
    """`settings` with the addresses of the connection. Raises BadInput on a deploy mode in which a driver would live in a task."""
    extra = connection.extra_dejson
    mode = extra.get("deploy-mode") or "cluster"
    if mode != "cluster":
        raise BadInput(
            f"Connection {settings.spark_conn_id}: extra deploy-mode is {mode!r}; a driver of Weir never runs inside an Airflow task.",
            "Set it to cluster.",
        )
    master = master_of(connection)
    return replace(settings, spark_master=master, spark_rest=rest_of(master, extra))


def master_of(connection: SparkConnection) -> str:
    """The master's URL, from a host with or without it, as the provider's hook reads it; a bare `host` means standalone."""
    host = connection.host or ""
    whole = connection.conn_type == "spark" and ("://" in host or host in ("yarn", "yarn-cluster"))
    url = host if whole else f"{connection.conn_type}://{host}"
    return f"{url}:{connection.port}" if connection.port else url


def rest_of(master: str, extra: Mapping[str, Any]) -> str:
    """The REST addresses of a standalone master, one for each of an HA group, joined by commas; none for other managers."""
    if not master.startswith("spark://"):
        return ""
    scheme, port = extra.get("rest-scheme", "http"), int(extra.get("rest-port", REST_PORT))
    hosts = (address.rsplit(":", 1)[0] if ":" in address else address for address in master.removeprefix("spark://").split(","))
    return ",".join(f"{scheme}://{host.strip()}:{port}" for host in hosts)
