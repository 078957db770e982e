"""The file `stack.json` of a state folder: its ports, and every address that Settings needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weir.errors import NotRunning, Prerequisite
from weir.local import airflow, cassandra_access, certs, collector, history, kafka_access, ports, secrets, spark
from weir.local.part import LOOPBACK, Stack
from weir.local.state import StateFile
from weir.system_errors import damaged, read_json, write_json

PORT_OWNERS = {
    "kafka": "kafka", "kafka_controller": "kafka", "kafka_driver": "kafka", "kafka_internal": "kafka",
    "cassandra": "cassandra", "cassandra_storage": "cassandra",
    "spark_master": "spark-master", "spark_rest": "spark-master", "spark_master_ui": "spark-master",
    "spark_worker": "spark-worker", "spark_worker_ui": "spark-worker", "spark_history": "spark-history",
    "postgres": "postgres", "airflow": "airflow-api-server",
    "collect": "collect", "collect_metrics": "collect",
}  # fmt: skip
SWITCHES = {"history": history.SWITCH, "collect": collector.SWITCH}
SECURE = "WEIR_SECURE"  # 1: servers ask for TLS and a login. Decided at the first start of a state folder


def configure(state: Path, note: Callable[[str], object]) -> Stack:
    """Choose secrets and ports of a state folder and write `stack.json`. Calls `note` for each port that changed."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    secure = _is_secure(state)
    chosen, notes = ports.choose(state, known(state).get("ports", {}), _ports_in_use(state))
    for moved in notes:
        note(moved)
    stack = Stack(state, chosen, secrets.load_or_create(state), secure, _has(state, "history"), _has(state, "collect"))
    if secure:
        certs.ensure(state)
        secrets.write_files(state, stack.secrets)
    asked = {"secure": secure, "history": stack.history, "collect": stack.collect}
    write_json(_stack_file(state), {"ports": chosen, **asked, **addresses(stack)})
    return stack


def _is_secure(state: Path) -> bool:
    """Return whether the stack is secure: as WEIR_SECURE says at the first start, and the same later. Raises Prerequisite if it asks for a
    change: the servers' users are made with their data."""
    asked, before = os.environ.get(SECURE, ""), known(state)
    if asked not in ("", "0", "1"):
        raise Prerequisite(f"{SECURE} is {asked!r}.", "Set it to 1 or 0.")
    secure = bool(before.get("secure")) if before else asked == "1"
    if asked and secure != (asked == "1"):
        here = "with" if secure else "without"
        raise Prerequisite(f"The stack in {state} was made {here} {SECURE}=1.", "Set WEIR_HOME to another folder, or run: weir clean")
    return secure


def _has(state: Path, part: str) -> bool:
    """Return whether the stack has a part that is off unless asked for: as its switch says, else as at the start before."""
    asked = os.environ.get(SWITCHES[part], "")
    return asked == "1" if asked else bool(known(state).get(part))


def addresses(stack: Stack) -> dict[str, object]:
    return {
        "kafka": stack.address("kafka"),
        "driver_kafka": stack.address("kafka_driver"),
        "cassandra_hosts": LOOPBACK,
        "cassandra_port": stack.ports["cassandra"],
        "cassandra_datacenter": "datacenter1",
        "spark_master": spark.master_url(stack),
        "spark_rest": f"http://{stack.address('spark_rest')}",
        "spark_ui": f"http://{stack.address('spark_master_ui')}",
        "airflow_url": airflow.url(stack),
        "checkpoints": str(stack.folder("checkpoints")),
        **({"event_logs": str(history.logs(stack))} if stack.history else {}),
        "bundles": str(stack.folder("bundles")),
        "data_docs": str(stack.folder("data_docs")),
        **({**kafka_access.settings(stack), **cassandra_access.settings(stack)} if stack.secure else {}),
    }


def _ports_in_use(state: Path) -> frozenset[str]:
    """Return names of ports whose part outlived its supervisor: this stack holds them."""
    alive = {name for name, record in StateFile(state).read().items() if record.child()}
    return frozenset(port for port, owner in PORT_OWNERS.items() if owner in alive)


def _stack_file(state: Path) -> Path:
    return state / "stack.json"


def known(state: Path) -> dict[str, Any]:
    """Return what was written at the last start; empty if there was none. Raises BadSetting if the file is damaged or not ours."""
    file = _stack_file(state)
    found = read_json(file)
    wanted = found.get("ports", {})
    if not isinstance(wanted, dict) or any(type(port) is not int for port in wanted.values()):
        raise damaged(file, "`ports` has a value that is not a number")
    return found


def load(state: Path) -> Stack:
    """Load the stack of a state folder. Raises NotRunning if it was never started."""
    found = known(state)
    if not found.get("ports"):
        raise NotRunning(f"There is no stack in {state}.", "Start it with `weir up`.")
    asked = (bool(found.get(name)) for name in ("secure", "history", "collect"))
    return Stack(state, found["ports"], secrets.load_or_create(state), *asked)
