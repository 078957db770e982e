"""Choose ports: the well-known one if it is free, else the next free one. A state folder keeps its ports for the next start."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from weir.errors import StackFailed

# Below 32768, from where Linux takes outgoing ports: so no connection can occupy a part's port.
WANTED = {
    "kafka": 9092,
    "kafka_controller": 9093,
    "kafka_driver": 9094,
    "kafka_internal": 9095,  # of a secure stack: the broker itself, and the stack as its administrator
    "cassandra": 9042,
    "cassandra_storage": 7000,
    "spark_master": 7077,
    "spark_rest": 6066,
    "spark_master_ui": 8081,
    "spark_worker": 7078,
    "spark_worker_ui": 8082,
    "spark_history": 18080,
    "postgres": 15432,
    "airflow": 8080,
    "collect": 5170,
    "collect_metrics": 9479,
}
CLAIM_S = 120.0  # from choosing a port until the slowest part listens on it


def choose(home: Path, before: Mapping[str, int], ours: frozenset[str]) -> tuple[dict[str, int], list[str]]:
    """Return one free port for each name in `WANTED`, and a sentence for each that is not the wanted one.

    `before` are the ports of the last start, which are preferred. `ours` are names whose port a part of this stack still holds.
    """
    chosen: dict[str, int] = {}
    notes: list[str] = []
    with _claims(home) as claimed:
        for name, usual in WANTED.items():
            wanted = before.get(name, usual)
            port = wanted if name in ours else next_free(wanted, claimed | set(chosen.values()))
            if port != wanted:
                who = _by_whom(wanted) or (" by another stack that is starting" if wanted in claimed else "")
                notes.append(f"port {wanted} ({name}) is taken{who}: using {port}")
            chosen[name] = port
        claimed.update(chosen.values())
    return chosen, notes


def next_free(port: int, taken: set[int]) -> int:
    for candidate in range(port, min(port + 500, 65536)):
        if candidate not in taken and is_free(candidate):
            return candidate
    raise StackFailed(f"No port from {port} to {port + 499} is free.", "Stop the processes that use them, or run on another machine.")


def is_free(port: int) -> bool:
    """Return whether nothing listens on the port and it can be bound on loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to a server
        return not _refused(probe, port)


def _refused(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return True
    return False


def holder(port: int) -> str:
    """Return the process that listens on the port as `name (pid)`; empty if unknown."""
    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and getattr(found.laddr, "port", 0) == port and found.pid:
                return f"{psutil.Process(found.pid).name()} (pid {found.pid})"
    return ""


def _by_whom(port: int) -> str:
    name = holder(port)
    return f" by {name}" if name else ""


@contextlib.contextmanager
def _claims(home: Path) -> Iterator[set[int]]:
    """Yield the ports that other stacks of this account have chosen but may not listen on yet; two may start in the same second."""
    file = Path(tempfile.gettempdir()) / f"weir-ports-{os.getuid()}.json"
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        text = handle.read()
        young = {where: claim for where, claim in json.loads(text or "{}").items() if time.time() - claim[0] < CLAIM_S}
        ports = {port for where, (_, many) in young.items() if where != str(home) for port in many}
        others = frozenset(ports)
        yield ports
        young[str(home)] = (time.time(), sorted(ports - others))
        handle.seek(0)
        handle.truncate()
        json.dump(young, handle)
