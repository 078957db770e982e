"""Convert the user's Spark connection, of the provider's type, to Weir's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weir.cluster.kubernetes import KubernetesCluster, mounted, mounted_ca
from weir.cluster.yarn import YarnCluster
from weir.connection import Connection
from weir.errors import BadInput, BadSetting
from weir.ports.cluster import Cluster, Submit
from weir.setting_rules import port
from weir.settings import Settings

REST_PORT, UI_PORT = 6066, 8080
RESOURCE_MANAGER = "yarn_resourcemanager_webapp_address"  # the provider's own name for it


def with_connection(settings: Settings, connection: Connection) -> Settings:
    """Return `settings` with the connection's addresses. Raises BadInput for a deploy mode that runs the driver in a task."""
    extra = connection.extra_dejson
    mode = extra.get("deploy-mode") or "cluster"
    if mode != "cluster":
        raise BadInput(
            f"Connection {settings.spark_conn_id}: extra deploy-mode is {mode!r}; a driver of Weir never runs inside an Airflow task.",
            "Set it to cluster.",
        )
    master = master_of(connection)
    rest = addresses(master, extra.get("rest-scheme", "http"), _port(settings, extra, "rest-port", REST_PORT))
    ui = addresses(master, extra.get("ui-scheme", "http"), _port(settings, extra, "ui-port", UI_PORT))
    return replace(settings, spark_master=master, spark_rest=rest, spark_ui=ui)


def _port(settings: Settings, extra: Mapping[str, Any], name: str, usual: int) -> int:
    """Return a port in a connection's extras. Raises BadSetting, which names the connection."""
    text = str(extra.get(name, usual))
    try:
        return port(text)
    except ValueError as error:
        fault, _, cure = str(error).rpartition(". ")
        raise BadSetting(f"Connection {settings.spark_conn_id}: extra {name} ({text!r}) {fault}.", f"{cure}.") from None


def elsewhere(connection: Connection, submit: Submit) -> Mapping[str, Cluster]:
    """Return the cluster of a connection to Kubernetes or YARN, by its kind; empty for standalone."""
    master, extra, log_url = master_of(connection), connection.extra_dejson, connection.extra_dejson.get("log-url", "")
    if master.startswith("k8s://"):
        token, ca_file = (lambda: connection.password or "") if connection.password else mounted(extra.get("token-file", "")), mounted_ca()
        address = master.removeprefix("k8s://")
        where = address if "://" in address else f"https://{address}"  # as Spark reads it
        return {"kubernetes": KubernetesCluster(where, submit, token, extra.get("ca-file", "") or ca_file, log_url)}
    if master.startswith("yarn"):
        return {"yarn": YarnCluster(extra.get(RESOURCE_MANAGER, ""), submit, connection.login or "", log_url)}
    return {}


def master_of(connection: Connection) -> str:
    """Return the master's URL as the provider's hook does: the host may have a scheme; a bare host means standalone. Of several masters,
    each without a port gets the connection's: Spark would call the URL invalid."""
    host = connection.host or ""
    whole = connection.conn_type == "spark" and ("://" in host or host in ("yarn", "yarn-cluster"))
    url = host if whole else f"{connection.conn_type}://{host}"
    if not connection.port:
        return url
    if not url.startswith("spark://"):
        return f"{url}:{connection.port}"
    hosts = url.removeprefix("spark://").split(",")
    return "spark://" + ",".join(host if ":" in host else f"{host}:{connection.port}" for host in hosts)


def addresses(master: str, scheme: str, port: int) -> str:
    """Return the addresses of all standalone masters at a port, separated by commas; empty for other cluster managers."""
    if not master.startswith("spark://"):
        return ""
    hosts = (address.rsplit(":", 1)[0] if ":" in address else address for address in master.removeprefix("spark://").split(","))
    return ",".join(f"{scheme}://{host.strip()}:{port}" for host in hosts)
