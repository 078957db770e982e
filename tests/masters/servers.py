"""Two masters of a standalone cluster that elect one by ZooKeeper, and a worker: processes from the pyspark wheel, ZooKeeper included.

The masters have the same ports on two addresses of this machine, as two hosts would.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from weir.local.part import IPV4, get_json, java, properties, told
from weir.local.process import Child, await_ready, last_lines
from weir.local.spark import OPENS, spark_home

HOSTS = {"a": "127.0.0.1", "b": "127.0.0.2"}
JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", IPV4)
ZOOKEEPER = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


class Masters:
    """The servers `zookeeper`, `a`, `b` and `worker`, in the folder `home`, on five ports from `first_port` on."""

    def __init__(self, home: Path, first_port: int) -> None:
        self.home = home
        self.port, self._rest, self._ui, self._zookeeper, self._worker_ui = range(first_port, first_port + 5)
        self._children: dict[str, Child] = {}

    @property
    def url(self) -> str:
        return "spark://" + ",".join(f"{host}:{self.port}" for host in HOSTS.values())

    @property
    def zookeeper(self) -> str:
        return f"127.0.0.1:{self._zookeeper}"

    @property
    def connection(self) -> Mapping[str, object]:
        """The extras of an Airflow connection."""
        return {"rest-port": self._rest, "ui-port": self._ui}

    def configure(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        zookeeper = {"dataDir": self.home / "zookeeper", "clientPort": self._zookeeper, "clientPortAddress": "127.0.0.1"}
        (self.home / "zoo.cfg").write_text(properties({**zookeeper, "admin.enableServer": "false", "tickTime": 1000}))
        for name, host in HOSTS.items():
            (self.home / f"{name}.conf").write_text(properties(self._settings(host)))

    def start(self, *servers: str) -> None:
        """Start servers, and wait until each answers."""
        for server in servers:
            self._children[server] = Child.start(self._command(server), self.home / f"{server}.log", self._env(server), self.home)
            reason = await_ready(self._children[server], told(lambda server=server: self._probe(server)), 900, time.sleep)  # type: ignore[misc]
            assert not reason, f"{server}: {reason}\n{last_lines(self.home / f'{server}.log')}"

    def kill(self, server: str) -> None:
        """kill -9."""
        self._children.pop(server)._process.kill()

    def stop(self) -> None:
        for child in self._children.values():
            child.kill_group()
        for process in self.drivers():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def status(self, master: str) -> str:
        """What a master says of itself: ALIVE, STANDBY, RECOVERING; empty if it does not answer."""
        with contextlib.suppress(OSError, ValueError):
            return str(get_json(f"http://{HOSTS[master]}:{self._ui}/json/")["status"])
        return ""

    def active(self) -> str:
        return next((name for name in HOSTS if self.status(name) == "ALIVE"), "")

    def page(self) -> Mapping[str, Any]:
        """The page of the active master."""
        found: Mapping[str, Any] = get_json(f"http://{HOSTS[self.active()]}:{self._ui}/json/")
        return found

    def drivers(self) -> list[psutil.Process]:
        """The JVMs of all drivers."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if "DriverWrapper" in line and str(self.home) in line and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def _settings(self, host: str) -> Mapping[str, object]:
        return {
            "spark.deploy.recoveryMode": "ZOOKEEPER",
            "spark.deploy.zookeeper.url": self.zookeeper,
            "spark.master.rest.enabled": "true",
            "spark.master.rest.host": host,
            "spark.master.rest.port": self._rest,
            "spark.worker.initialRegistrationRetries": 1,
        }

    def _command(self, server: str) -> tuple[str, ...]:
        opens = [f"--add-opens={name}=ALL-UNNAMED" for name in OPENS]
        start = (java(), *JVM, *opens, "-cp", str(spark_home() / "jars" / "*"))
        if server == "zookeeper":
            return (*start, ZOOKEEPER, str(self.home / "zoo.cfg"))
        host, settings = HOSTS.get(server, HOSTS["a"]), ("--properties-file", str(self.home / f"{server}.conf"))
        if server in HOSTS:
            at = ("--host", host, "--port", str(self.port), "--webui-port", str(self._ui))
            return (*start, "org.apache.spark.deploy.master.Master", *at, *settings)
        at = ("--host", host, "--webui-port", str(self._worker_ui), "--cores", "4", "--memory", "3g", "--work-dir", str(self.home / "work"))
        return (*start, "org.apache.spark.deploy.worker.Worker", *at, self.url)

    def _env(self, server: str) -> Mapping[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_", "HADOOP"))}
        spark = {"SPARK_HOME": str(spark_home()), "SPARK_SCALA_VERSION": "2.13", "PYSPARK_PYTHON": sys.executable}
        return {**own, **spark, "SPARK_LOCAL_IP": HOSTS.get(server, HOSTS["a"])}  # what its web page binds to

    def _probe(self, server: str) -> str:
        if server == "zookeeper":
            with contextlib.closing(_connect(self._zookeeper)):
                return ""
        if server in HOSTS:
            return "" if self.status(server) in ("ALIVE", "STANDBY") else f"is {self.status(server)}"
        return "" if any(worker["state"] == "ALIVE" for worker in self.page()["workers"]) else "is not listed"


def _connect(port: int) -> Any:
    from weir.local.part import connect

    return connect(port)
