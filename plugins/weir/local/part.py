"""A part: a server that the supervisor keeps alive. A stack: its state folder and its ports."""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weir.local.preflight import java_path
from weir.settings import PROJECT

LOOPBACK = "127.0.0.1"
# Variables of the user's own Spark, Airflow or Python, which must not affect this stack.
FOREIGN = ("AIRFLOW", "SPARK_", "PYSPARK_", "PYTHON", "WEIR_", "KAFKA_", "CASSANDRA_", "PG", "CLASSPATH", "JDK_JAVA_OPTIONS")
KEPT = ("WEIR_CACHE", "WEIR_FAILPOINTS", "WEIR_CASSANDRA_PORT", "WEIR_DAGS", "WEIR_JOBS")


@dataclass(frozen=True)
class Stack:
    """One embedded stack. `ports` were chosen for this state folder; `secrets` come from secrets.json; `secure` says whether its servers
    ask for TLS and a login, `history` whether it has a History Server, `collect` whether it has a collector."""

    home: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    secure: bool = False
    history: bool = False
    collect: bool = False

    def folder(self, name: str) -> Path:
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, part: str) -> Path:
        return self.folder("logs") / f"{part}.log"

    def address(self, port: str) -> str:
        return f"{LOOPBACK}:{self.ports[port]}"

    def env(self, **more: str) -> dict[str, str]:
        """Return the environment of every part. WEIR_STACK marks all descendants, so that orphans can be found."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN) or name in KEPT}
        java = java_path()
        return env | {
            "WEIR_HOME": str(self.home),
            "WEIR_STACK": str(self.home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
            # Parts talk to each other on loopback, without a proxy.
            "NO_PROXY": ",".join(filter(None, [env.get("NO_PROXY"), LOOPBACK, "localhost"])),
            "PYTHONUNBUFFERED": "1",
            # Java names files by its locale: without UTF-8 the folder `größe` was `gr??e` to it.
            "LC_ALL": "C.UTF-8",
            # Airflow's processes rename themselves; without this that overwrites their environment in /proc, and so the mark.
            "SPT_NOENV": "1",
            **({"JAVA_HOME": str(Path(java).resolve().parents[1])} if java else {}),
            **more,
        }


@dataclass(frozen=True)
class Part:
    """A server: how it starts, when it is ready, how it stops.

    `probe` checks the running server within `PROBE_S` seconds and returns "" or the reason why it is not healthy.
    `prepare` writes configuration and first-start state; it runs before each start. `nice` is its priority once it is up.
    """

    name: str
    address: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    probe: Callable[[], str]
    prepare: Callable[[], None] = lambda: None
    after: tuple[str, ...] = ()
    ready_s: float = 120
    stop_s: float = 20
    stop_signal: str = "SIGTERM"
    cwd: Path = field(default=PROJECT)
    nice: int = 0


PROBE_S = 1.5
IPV4 = "-Djava.net.preferIPv4Stack=true"  # else the JVM listens on ::ffff:127.0.0.1, which reads like an open port


def get(url: str, timeout: float = PROBE_S) -> bytes:
    """GET from loopback without a proxy and return the body. Raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout) as answer:
        body: bytes = answer.read()
        return body


def get_json(url: str, timeout: float = PROBE_S) -> Any:
    return json.loads(get(url, timeout))


def told(question: Callable[[], str]) -> Callable[[], str]:
    """Wrap a probe: return "does not answer" for the errors of a dead or half-started server."""

    def probe() -> str:
        try:
            return question()
        except (OSError, ValueError, EOFError) as error:
            return f"does not answer ({error})"

    return probe


def properties(values: Mapping[str, object]) -> str:
    """Return a properties file in ASCII. Java reads one as Latin-1, so that Kafka made a folder `Ã©` for `é`."""
    text = "".join(f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in values.items())
    return "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be")
    return letter if letter.isascii() else "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def late(module: str, name: str) -> Any:
    """Import a name from a module above the embedded stack only when needed: servers must start without it."""
    return getattr(importlib.import_module(module), name)


def connect(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), timeout=PROBE_S)


def java() -> str:
    """Return the path of java, which `preflight` has checked."""
    return java_path() or "java"
