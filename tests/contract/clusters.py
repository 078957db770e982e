"""HTTP servers that answer as Spark's master, Kubernetes' API server and YARN's ResourceManager do, over real sockets of this machine.

The answers have the shapes that the documentation of each API shows, with the fields that Weir reads and some that it does not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any
from urllib.parse import parse_qs

from weir.ports.cluster import DriverState, Submission

DRIVER = Submission("weir:counts:1", "/b/job.py", ["{}"], {}, {})
HANGS_S = 60.0  # how long an answer takes that never ends, or that drips
Reply = tuple[int, Any]


class FakeServer:
    """`drivers` holds what the fake knows, by id. `fault` spoils each answer: 500, garbage, slow (never) or drip (a byte at a time)."""

    STATES: Mapping[DriverState, str] = {}  # what it can tell of a driver, in its own words

    def __init__(self) -> None:
        self.drivers: dict[str, str] = {}
        self.fault = ""
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.connections = 0
        self.url = ""

    def reply(self, method: str, path: str, body: Any) -> Reply:
        raise NotImplementedError

    def add(self) -> str:
        """A driver that runs."""
        raise NotImplementedError

    def set(self, driver: str, state: DriverState) -> None:
        raise NotImplementedError

    def prints(self, driver: str, text: str) -> None:
        """Have a driver print something, as far as this cluster keeps it."""
        raise NotImplementedError

    def waits(self, driver: str) -> None:
        """Have a driver that was not started yet wait for room."""
        raise NotImplementedError

    @contextmanager
    def running(self) -> Iterator[Any]:
        handler = type("Handler", (_Handler,), {"fake": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield self
        finally:
            self.fault = "closed"
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def setup(self) -> None:
        super().setup()
        self.fake.connections += 1

    def log_message(self, *args: object) -> None:
        """Nothing: a test says what it wants to say."""

    def _any(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.fake.seen.append((self.command, self.path, dict(self.headers)))
        if self.fake.fault == "500":
            return self._send(500, "<html>Internal Server Error</html>")
        if self.fake.fault == "garbage":
            return self._send(200, '{"apps": "no", "items": [7], "status": [], "app": [], "kind": "Pod"')
        if self.fake.fault == "nonsense":
            nonsense = {"action": "?", "apps": "no", "items": [7], "status": [], "app": [], "kind": "Pod", "driverState": ["?"]}
            return self._send(200, nonsense)
        if self.fake.fault in ("slow", "drip"):
            return self._hang()
        self._send(*self.fake.reply(self.command, self.path, json.loads(text) if text else None))

    do_GET = do_POST = do_PUT = do_DELETE = _any

    def _hang(self) -> None:
        """Say nothing, or a little now and then, so that each single read is quick."""
        end = time.monotonic() + HANGS_S
        dripping = chain([b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{"], repeat(b" "))
        while self.fake.fault in ("slow", "drip") and time.monotonic() < end:
            if self.fake.fault == "drip":
                with suppress(OSError):  # nobody listens any more
                    self.wfile.write(next(dripping))
                    self.wfile.flush()
            time.sleep(0.05)

    def _send(self, status: int, body: Any) -> None:
        text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class FakeMaster(FakeServer):
    """Spark's master: its REST server and its page as JSON. `alive` False is a standby; `others` share what it knows, as ZooKeeper does."""

    STATES = {  # noqa: RUF012
        DriverState.SUBMITTED: "SUBMITTED",
        DriverState.RUNNING: "RUNNING",
        DriverState.FINISHED: "FINISHED",
        DriverState.FAILED: "FAILED",
        DriverState.KILLED: "KILLED",
        DriverState.LOST: "ERROR",
    }

    def __init__(self, known: dict[str, str] | None = None, alive: bool = True) -> None:
        super().__init__()
        self.alive = alive
        self.drivers = known if known is not None else {}
        self.exceptions: dict[str, str] = {}  # of drivers that could not be launched
        self.logs: dict[tuple[str, str], str] = {}  # by driver and stream
        self.worker = "http://10.0.0.7:8081"  # the address of its pages
        self.needs: dict[str, int] = {}  # by driver, its memory in MiB
        self.apps: list[dict[str, Any]] = []

    def add(self) -> str:
        driver = f"driver-20261124050000-{len(self.drivers):04d}"
        self.drivers[driver] = "RUNNING"
        return driver

    def set(self, driver: str, state: DriverState) -> None:
        self.drivers[driver] = self.STATES[state]

    def prints(self, driver: str, text: str) -> None:
        self.worker = self.url
        self.logs[driver, "stdout"] = text

    def reply(self, method: str, path: str, body: Any) -> Reply:
        if path == "/json/":
            return 200, self._page()
        if path.startswith("/log/?"):
            return 200, self._log({name: values[0] for name, values in parse_qs(path.partition("?")[2]).items()})
        what, _, driver = path.removeprefix("/v1/submissions/").partition("/")
        common = {"serverSparkVersion": "4.2.0", "submissionId": driver}
        if not self.alive:
            can = {"create": "accept driver submissions", "status": "request driver status", "kill": "kill drivers"}[what]
            message = (
                f"Exception from the cluster:\njava.lang.Exception: Current state is not alive: STANDBY. Can only {can} in ALIVE state."
            )
            return 200, {"action": f"{what}Response", "message": message, "success": False, **common}
        if what == "create":
            return 200, {"action": "CreateSubmissionResponse", "success": True, **common, "submissionId": self.add()}
        if what == "kill":
            known = self.drivers.get(driver) in ("RUNNING", "SUBMITTED")
            self.drivers.update({driver: "KILLED"} if known else {})
            return 200, {"action": "KillSubmissionResponse", "success": known, **common}
        if driver not in self.drivers:
            return 200, {"action": "SubmissionStatusResponse", "driverState": "NOT_FOUND", "success": False, **common}
        at = {"workerHostPort": "10.0.0.7:7078", "workerId": "worker-1"}
        if driver in self.exceptions:
            at["message"] = f"Exception from the cluster:\n{self.exceptions[driver]}"
        return 200, {"action": "SubmissionStatusResponse", "driverState": self.drivers[driver], "success": True, **common, **at}

    def _log(self, asked: dict[str, str]) -> str:
        """A worker's page for a driver's output, as Spark 4.2 answers: which bytes, and then these."""
        text = self.logs.get((asked["driverId"], asked["logType"]), "")
        end = text[-int(asked["byteLength"]) :]
        return f"==== Bytes {len(text) - len(end)}-{len(text)} of {len(text)} of /work/{asked['driverId']}/{asked['logType']} ====\n{end}"

    def _page(self) -> Any:
        rows = [{"id": d, "state": s, "worker": "worker-1", "cores": 1, "memory": 1024} for d, s in self.drivers.items()]
        active = [r for r in rows if r["state"] in ("RUNNING", "SUBMITTED")]
        running = [r for r in active if r["state"] == "RUNNING"]
        done = [r for r in rows if r not in active][:2]  # it remembers few of those that ended
        workers = [{"id": "worker-1", "webuiaddress": self.worker, "state": "ALIVE", "cores": 4, "coresused": len(running), "memory": 3072}]
        workers[0]["memoryused"] = 1024 * len(running)
        workers.append({"id": "worker-2", "webuiaddress": "http://10.0.0.8:8081", "state": "ALIVE", "cores": 2, "memory": 7168})
        workers.append({"id": "worker-3", "webuiaddress": "http://10.0.0.9:8081", "state": "DEAD", "cores": 64, "memory": 65_536})
        if not self.alive:
            return {"status": "STANDBY", "workers": [], "activedrivers": [], "completeddrivers": []}
        for row in active:
            row["memory"] = self.needs.get(row["id"], 1024)
        return {"status": "ALIVE", "workers": workers, "activedrivers": active, "completeddrivers": done, "activeapps": self.apps}

    def waits(self, driver: str) -> None:
        """A driver is larger than what any worker has."""
        self.needs[driver] = 8192


FORBIDDEN = (  # as Kubernetes 1.36 says it
    'pods "weir-counts-0-0a1b-driver" is forbidden: User "system:serviceaccount:others:weir" cannot get resource "pods" in API group "" '
    'in the namespace "streams"'
)


class FakeKubernetes(FakeServer):
    """The pods of the API server, with the phases of https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/."""

    STATES = {  # noqa: RUF012
        DriverState.SUBMITTED: "Pending",
        DriverState.RUNNING: "Running",
        DriverState.FINISHED: "Succeeded",
        DriverState.FAILED: "Failed",
        DriverState.LOST: "",  # deleted
        DriverState.OUT_OF_MEMORY: "Failed",
    }
    TOKEN = "a-token"

    def __init__(self) -> None:
        super().__init__()
        self.more: dict[str, dict[str, Any]] = {}  # by pod, what else its status says
        self.logs: dict[str, str] = {}  # by pod
        self.executors: list[dict[str, Any]] = [{"phase": "Running"}]  # the status of each, of whatever driver
        self.quotas: list[dict[str, Any]] | None = []  # None: Weir may not see them
        self.forbids = False

    def add(self) -> str:
        pod = f"weir-counts-{len(self.drivers)}-0a1b-driver"
        self.drivers[pod] = "Running"
        return f"streams:{pod}"

    def set(self, driver: str, state: DriverState) -> None:
        pod = driver.partition(":")[2]
        if state is DriverState.LOST:
            del self.drivers[pod]
        else:
            self.drivers[pod] = self.STATES[state]
        if state is DriverState.OUT_OF_MEMORY:
            ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
            self.more[pod] = {"containerStatuses": [{"name": "spark-kubernetes-driver", "state": ended}]}

    def prints(self, driver: str, text: str) -> None:
        self.logs[driver.partition(":")[2]] = text

    def waits(self, driver: str) -> None:
        """No node has room for a pod."""
        why = {"reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient memory."}
        self.more[driver.partition(":")[2]] = {"conditions": [{"type": "PodScheduled", "status": "False", **why}]}

    def reply(self, method: str, path: str, body: Any) -> Reply:
        token = self.seen[-1][2].get("Authorization")
        if token != f"Bearer {self.TOKEN}":
            return 401, _status("Unauthorized", 401)
        if self.forbids:
            return 403, _status("Forbidden", 403, FORBIDDEN)
        if path.endswith("/resourcequotas"):
            return (403, _status("Forbidden", 403)) if self.quotas is None else (200, {"kind": "ResourceQuotaList", "items": self.quotas})
        if "labelSelector=spark-app-selector=spark-1,spark-role=executor" in path:
            return 200, {"kind": "PodList", "items": [{"metadata": {"name": "exec"}, "status": status} for status in self.executors]}
        if path == "/api/v1/namespaces/streams/pods?labelSelector=weir-job":
            return 200, {"kind": "PodList", "apiVersion": "v1", "items": [self._pod(p) for p in self.drivers]}
        pod, _, log = path.removeprefix("/api/v1/namespaces/streams/pods/").partition("/")
        if pod not in self.drivers:
            return 404, _status("NotFound", 404)
        if log:
            assert log.startswith("log?container=spark-kubernetes-driver&tailLines=")
            lines = self.logs.get(pod, "").splitlines(keepends=True)
            return 200, "".join(lines[-int(log.rpartition("=")[2]) :])
        if method == "DELETE":
            del self.drivers[pod]
            return 200, {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": pod}}
        return 200, {"kind": "Pod", "apiVersion": "v1", **self._pod(pod)}

    def _pod(self, pod: str) -> dict[str, Any]:
        meta = {
            "name": pod,
            "namespace": "streams",
            "labels": {"spark-role": "driver", "weir-job": "counts", "spark-app-selector": "spark-1"},
        }
        return {"metadata": meta, "spec": {}, "status": {"phase": self.drivers[pod], **self.more.get(pod, {})}}


def _status(reason: str, code: int, message: str = "") -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": message or reason}


class FakeYarn(FakeServer):
    """The applications of a ResourceManager: each is its state and final status."""

    STATES = {  # noqa: RUF012
        DriverState.SUBMITTED: "ACCEPTED UNDEFINED",
        DriverState.RUNNING: "RUNNING UNDEFINED",
        DriverState.FINISHED: "FINISHED SUCCEEDED",
        DriverState.FAILED: "FINISHED FAILED",
        DriverState.KILLED: "KILLED KILLED",
        DriverState.OUT_OF_MEMORY: "FAILED FAILED",
        DriverState.LOST: "FAILED FAILED",
    }

    def __init__(self, active: str = "") -> None:
        super().__init__()
        self.diagnostics: dict[str, str] = {}
        self.active = active  # of a standby: the address of the active one
        self.recovers = False
        self.started_on = 1795955674546
        self.launched: set[str] = set()  # of those that are ACCEPTED, those whose process has been started
        self.lacks: dict[str, int] = {}  # the memory in MiB that an application's executors wait for
        self.node = True  # is the node that the drivers are on to be reached?
        self.on_node: dict[str, str] = {}  # the state that the node has of an application that was killed; it forgets those that ended

    def add(self) -> str:
        app = f"application_1700000000000_{len(self.drivers):04d}"
        self.drivers[app] = self.STATES[DriverState.RUNNING]
        return app

    def set(self, driver: str, state: DriverState) -> None:
        self.drivers[driver] = self.STATES[state]
        if state is DriverState.OUT_OF_MEMORY:
            self.diagnostics[driver] = "AM Container exited with  exitCode: -104"
        if state is DriverState.LOST:
            self.diagnostics[driver] = "AM Container exited with  exitCode: -100\nContainer released on a *lost* node"

    def prints(self, driver: str, text: str) -> None:
        self.diagnostics[driver] = text

    def waits(self, driver: str) -> None:
        """An application's queue has no room."""
        self.diagnostics[driver] = "[Sun Nov 29] Application is added to the scheduler. Queue's AM resource limit exceeded."

    def reply(self, method: str, path: str, body: Any) -> Reply:
        if path == "/ws/v1/cluster/info":  # which a standby answers by itself
            state = "STANDBY" if self.active else "INITIALIZING" if self.recovers else "ACTIVE"
            return 200, {"clusterInfo": {"state": "STARTED", "haState": state, "startedOn": self.started_on}}
        if self.active:
            return 307, f"This is standby RM. The redirect url is: {self.active}{path}\n"
        if path.startswith("/ws/v1/node/apps/"):
            app = path.rpartition("/")[2]
            return (200, {"app": {"id": app, "state": self.on_node[app]}}) if app in self.on_node else _no_such(app)
        route, _, query = path.partition("?")
        what = route.removeprefix("/ws/v1/cluster/apps").strip("/").split("/")
        if what == [""]:
            assert "applicationTags=weir" in query
            return 200, {"apps": {"app": [self._app(a) for a in self.drivers]} if self.drivers else None}
        if what[0] not in self.drivers or self.recovers:
            return _no_such(what[0])
        if method == "PUT":
            assert what[1:] == ["state"] and body == {"state": "KILLED"}
            if "user.name=" not in query:
                return 403, {"RemoteException": {"exception": "ForbiddenException", "message": "Unable to obtain user name"}}
            self.drivers[what[0]] = self.STATES[DriverState.KILLED]
            return 202, {"state": "ACCEPTED"}
        return 200, {"app": self._app(what[0])}

    def _app(self, app: str) -> dict[str, Any]:
        state, final = self.drivers[app].split()
        return {
            "id": app,
            "user": "weir",
            "name": "weir:counts:1",
            "state": state,
            "finalStatus": final,
            "diagnostics": self.diagnostics.get(app, ""),
            "amHostHttpAddress": self.url.partition("//")[2] if self.node else "127.0.0.1:1",
            "progress": 10.0,
            "trackingUI": "UI",
            "queue": "root.streams",
            "launchTime": 1795955803979 if app in self.launched or state == "RUNNING" else 0,
            "runningContainers": 1 if app in self.lacks else 2,
            "resourceInfo": {
                "resourceUsagesByPartition": [{"partitionName": "", "pending": {"memory": self.lacks.get(app, 0), "vCores": 1}}]
            },
        }


def _no_such(app: str) -> Reply:
    told = {"exception": "NotFoundException", "message": f"app with id: {app} not found"}
    return 404, {"RemoteException": {**told, "javaClassName": "org.apache.hadoop.yarn.webapp.NotFoundException"}}
