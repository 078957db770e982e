"""YARN as processes of this machine: a ResourceManager and NodeManagers from Hadoop's jars, in a folder and on ports of their own.

Containers are processes of this user, with real memory limits (Hadoop's default leaves a process alone that takes too much).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psutil

from weir.local import jars
from weir.local.part import IPV4, LOOPBACK, get_json, java, told
from weir.local.preflight import java_path
from weir.local.process import Child, await_ready, last_lines

JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", IPV4)
PACKAGE = "org.apache.hadoop.yarn.server"
MAIN = {"rm": f"{PACKAGE}.resourcemanager.ResourceManager", "nm": f"{PACKAGE}.nodemanager.NodeManager"}
PORTS = {"client": 0, "scheduler": 1, "tracker": 2, "admin": 3, "web": 4, "localizer": 5}  # counted from a server's first
NODE_MB = 4096
NODE_SILENT_MS = 20_000  # after which a node is given up; ten minutes by default
DRIVER_SILENT_MS = 600_000  # the same of a driver, from its launch on: on a busy machine one took two minutes to register
LOG4J = """\
log4j.rootLogger=INFO,out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
"""


class Yarn:
    """A cluster in the folder `home`. Its servers are named rm1, nm1, nm2; each has ten ports from `first_port` on.

    The ResourceManager keeps what it has to recover in files.
    """

    def __init__(self, home: Path, first_port: int) -> None:
        self.home, self._first = home, first_port
        self._children: dict[str, Child] = {}

    @property
    def conf(self) -> Path:
        """The folder that HADOOP_CONF_DIR names."""
        return self.home / "conf"

    @property
    def rest(self) -> str:
        """The address of the ResourceManager's REST API."""
        return f"http://{self._at('rm1', 'web')}"

    def start(self, *servers: str) -> None:
        """Start servers, and wait until they work: a ResourceManager answers, a node is listed as running."""
        for server in servers:
            self._children[server] = self._launch(server)
        for server in servers:
            reason = await_ready(self._children[server], told(lambda server=server: self._probe(server)), 900, time.sleep)  # type: ignore[misc]
            assert not reason, f"{server}: {reason}\n{last_lines(self._log(server))}"

    def launch(self, server: str) -> Callable[[], bool]:
        """Start a server, and return what says whether it answers as an active ResourceManager, or as a node that is listed."""
        self._children[server] = self._launch(server)
        return lambda: not told(lambda: self._probe(server))()

    def kill(self, server: str) -> None:
        """kill -9 a server; containers live on."""
        self._children.pop(server)._process.kill()

    def stop(self) -> None:
        """Kill the servers and all containers."""
        for child in self._children.values():
            child.kill_group()
        for process in self.processes(str(self.home)):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def app(self, app: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = get_json(f"{self.rest}/ws/v1/cluster/apps/{app}")["app"]
        return found

    def drivers(self, app: str) -> list[psutil.Process]:
        """The processes of an application's driver: of its first container, without the shell that started them."""
        found, first = [], re.compile(rf"container_(e\d+_)?{app.removeprefix('application_')}_01_000001")  # e01: after one recovery
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.info["name"] not in ("bash", "sh") and first.fullmatch(process.environ().get("CONTAINER_ID", "")):
                    found.append(process)
        return found

    def processes(self, word: str) -> list[psutil.Process]:
        """The processes of this cluster whose command line has a word."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if str(self.home) in line and word in line and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(process)
        return found

    def configure(self) -> None:
        self.conf.mkdir(parents=True, exist_ok=True)
        (self.conf / "log4j.properties").write_text(LOG4J)
        (self.conf / "core-site.xml").write_text(xml({"hadoop.tmp.dir": self.home / "tmp"}))
        (self.conf / "capacity-scheduler.xml").write_text(xml(QUEUES))
        (self.conf / "yarn-site.xml").write_text(xml(self._settings()))
        for server in ("rm1", "nm1", "nm2"):
            shutil.copytree(self.conf, self.home / server)
            (self.home / server / "yarn-site.xml").write_text(xml({**self._settings(), **self._own(server)}))

    def _launch(self, server: str) -> Child:
        path = os.pathsep.join([str(self.home / server), *map(str, jars.class_path("hadoop"))])
        command = (java(), *JVM, f"-Dhadoop.home.dir={self.home}", "-cp", path, MAIN[server[:2]])
        home = str(Path(java_path() or "").resolve().parents[1])
        env = {name: value for name, value in os.environ.items() if not name.startswith(("HADOOP", "YARN"))} | {"JAVA_HOME": home}
        return Child.start(command, self._log(server), env, self.home)

    def _log(self, server: str) -> Path:
        return self.home / f"{server}.log"

    def _at(self, server: str, port: str) -> str:
        number = self._first + 10 * ("rm1", "nm1", "nm2").index(server) + PORTS[port]
        return f"{LOOPBACK}:{number}"

    def _probe(self, server: str) -> str:
        if server.startswith("rm"):
            state = get_json(f"{self.rest}/ws/v1/cluster/info")["clusterInfo"]["haState"]
            return "" if state == "ACTIVE" else f"is {state}"
        return "" if self.node(server) == "RUNNING" else "is not listed as running"

    def node(self, server: str) -> str:
        """The state of a node as the ResourceManager lists it; empty if it does not."""
        with contextlib.suppress(OSError, ValueError):
            listed = get_json(f"{self.rest}/ws/v1/cluster/nodes?states=RUNNING,LOST,REBOOTED,SHUTDOWN")["nodes"] or {}
            port = self._at(server, "client").rpartition(":")[2]
            return next((str(node["state"]) for node in listed.get("node", []) if str(node["id"]).endswith(f":{port}")), "")
        return ""

    def holds(self, node: str, app: str) -> bool:
        """Whether a node runs the driver of an application."""
        return any(f"/{node}/" in driver.cwd() for driver in self.drivers(app))

    def _settings(self) -> dict[str, object]:
        prefix = "yarn.resourcemanager"
        names = {"client": "address", "scheduler": "scheduler.address", "tracker": "resource-tracker.address", "admin": "admin.address"}
        names["web"] = "webapp.address"
        return {
            **{f"{prefix}.{name}": self._at("rm1", port) for port, name in names.items()},
            f"{prefix}.hostname": LOOPBACK,
            f"{prefix}.store.class": "org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore",
            f"{prefix}.fs.state-store.uri": (self.home / "state").as_uri(),
            **COMMON,
        }

    def _own(self, server: str) -> dict[str, object]:
        if server == "rm1":
            return {}
        return {
            "yarn.nodemanager.hostname": LOOPBACK,
            "yarn.nodemanager.address": self._at(server, "client"),
            "yarn.nodemanager.localizer.address": self._at(server, "localizer"),
            "yarn.nodemanager.webapp.address": self._at(server, "web"),
            "yarn.nodemanager.local-dirs": self.home / server / "local",
            "yarn.nodemanager.log-dirs": self.home / server / "logs",
        }


COMMON = {
    "yarn.resourcemanager.recovery.enabled": "true",
    "yarn.nm.liveness-monitor.expiry-interval-ms": NODE_SILENT_MS,
    "yarn.am.liveness-monitor.expiry-interval-ms": DRIVER_SILENT_MS,
    "yarn.resourcemanager.nm.liveness-monitor.interval-ms": 1000,
    "yarn.resourcemanager.am.liveness-monitor.interval-ms": 1000,
    "yarn.nodemanager.resource.memory-mb": NODE_MB,
    "yarn.nodemanager.resource.cpu-vcores": 8,
    "yarn.scheduler.minimum-allocation-mb": 128,
    "yarn.scheduler.maximum-allocation-mb": NODE_MB,
    "yarn.nodemanager.vmem-check-enabled": "false",
    "yarn.nodemanager.resource.memory.enforced": "false",  # else Hadoop 3.5 leaves a process alone that takes too much
    "yarn.nodemanager.container-monitor.interval-ms": 500,
    "yarn.nodemanager.disk-health-checker.enable": "false",
    "yarn.acl.enable": "true",
    "yarn.admin.acl": "root-of-this-cluster",
}
_QUEUE = "yarn.scheduler.capacity.root"
QUEUES = {
    "yarn.scheduler.capacity.maximum-am-resource-percent": 1,
    f"{_QUEUE}.queues": "streams,narrow,closed",
    f"{_QUEUE}.acl_submit_applications": " ",  # nobody here: a queue names its own users
    f"{_QUEUE}.acl_administer_queue": " ",
    **{f"{_QUEUE}.{name}.capacity": share for name, share in {"streams": 80, "narrow": 15, "closed": 5}.items()},
    **{f"{_QUEUE}.{name}.acl_submit_applications": users for name, users in {"streams": "*", "narrow": "*", "closed": " "}.items()},
    f"{_QUEUE}.streams.acl_administer_queue": "weir",
    f"{_QUEUE}.narrow.acl_administer_queue": "weir",
    f"{_QUEUE}.streams.maximum-capacity": 100,
    f"{_QUEUE}.narrow.maximum-capacity": 20,  # 819 MB: one small driver, and no executor
}


def xml(values: Mapping[str, object]) -> str:
    rows = "".join(f"<property><name>{name}</name><value>{escape(str(value))}</value></property>\n" for name, value in values.items())
    return f"<configuration>\n{rows}</configuration>\n"


def kill(processes: Iterable[psutil.Process]) -> None:
    """kill -9."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
