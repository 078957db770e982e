"""Spark standalone through the master's REST API: the one documented way to run a Python driver in cluster mode there.

`spark-submit --deploy-mode cluster` refuses Python on standalone; SparkSubmit itself as the main class does not. It answers in 20 ms,
a spark-submit JVM in 3 s. https://spark.apache.org/docs/latest/spark-standalone.html#rest-api
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote

from weir.cluster import masters_page
from weir.cluster.states import each
from weir.errors import NotRunning, NotTaken
from weir.http import NOTHING, Answer, Api, rows
from weir.ports.cluster import ENDING_BYTES, DriverState, Submission
from weir.ports.room import Room

STATES = {
    "SUBMITTED": DriverState.SUBMITTED,
    "RUNNING": DriverState.RUNNING,
    "RELAUNCHING": DriverState.SUBMITTED,
    "FINISHED": DriverState.FINISHED,
    "FAILED": DriverState.FAILED,
    "KILLED": DriverState.KILLED,
    "NOT_FOUND": DriverState.LOST,  # a master forgets drivers that ended, and those that it gave up
}
ERROR = "ERROR"  # the driver could not be launched (with the worker's exception), or its worker was lost (without a message)


class StandaloneCluster:
    """A cluster with one or several masters (`spark://a:7077,b:7077`).

    `rest` and `ui` are the comma-separated addresses of their REST servers and of their web pages. Without `ui` there are no links to logs,
    and each driver needs a request of its own.
    """

    def __init__(self, master: str, rest: str, ui: str = "", timeout_s: float = 5.0) -> None:
        self._master, self._rest_address, self._timeout_s = master, rest, timeout_s
        self._rest, self._ui = Masters(rest, timeout_s), Masters(ui, timeout_s)

    def submit(self, submission: Submission) -> str:
        """Start a driver. It is sent to one master only: one that does not answer may have accepted it all the same."""
        body = create_request(submission, self._master)
        active = self._rest.active(lambda api: api.get("/v1/submissions/status/driver-0"), _decides)
        if active is None:
            raise NotRunning(f"Spark did not accept {submission.name}: no active master at {self._rest_address}.", "Run: weir status")
        sent = active.send("POST", "/v1/submissions/create", body)
        answer = sent.body if sent and _decides(sent.body) else NOTHING
        if not answer.get("success"):
            why = answer.get("message", f"{active.address} did not answer")
            refused = NotTaken if answer else NotRunning
            raise refused(f"Spark's master did not accept {submission.name}: {why}.", "Run: weir status")
        return str(answer["submissionId"])

    def state(self, submission_id: str) -> DriverState:
        """Return the state. FINISHED, FAILED and KILLED: the worker saw the end of the JVM (org.apache.spark.deploy.worker.DriverRunner).

        A Python driver notices that end at its next call into Spark: after 0.3 to 2 s where it waits for a query, after 17 s in a script
        that seldom calls. Until then it can still write by itself, without Spark."""
        answer = self._status(submission_id)
        if not answer:
            return DriverState.UNKNOWN
        said = str(answer.get("driverState") or "NOT_FOUND")
        if said == ERROR:
            return DriverState.FAILED if answer.get("message") else DriverState.LOST
        return STATES.get(said, DriverState.UNKNOWN)

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        """Return the states by submission id, with one request for the master's page.

        The page lacks drivers that ended long ago and the exception of an ERROR; those are requested one by one.
        """
        page = self._page() if len(submission_ids) > 1 else NOTHING
        states = {str(d.get("id")): str(d.get("state")) for d in _drivers(page)}
        listed = {one: STATES.get(state, DriverState.UNKNOWN) for one, state in states.items() if state != ERROR}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def kill(self, submission_id: str) -> None:
        self._rest.first(lambda api: api.send("POST", f"/v1/submissions/kill/{submission_id}"), _decides)

    def ending(self, submission_id: str) -> str:
        """Return the end of the driver's output, from the pages of its worker. PySpark's exception goes to standard output there.

        A driver that could not be launched printed nothing: then return the master's message.
        """
        worker = self._worker(submission_id)
        stderr = self._printed(worker, submission_id, "stderr") if worker else None
        stdout = self._printed(worker, submission_id, "stdout") if stderr is not None else None
        if stderr or stdout:
            return f"{stderr or ''}\n{stdout or ''}"
        return str(self._status(submission_id).get("message") or "")

    def log_link(self, submission_id: str) -> str:
        worker = self._worker(submission_id)
        return f"{worker}/logPage/?driverId={submission_id}&logType=stderr" if worker else ""

    def _worker(self, submission_id: str) -> str:
        """Return the address of the pages of the worker that a driver runs or ran on; empty if unknown."""
        page = self._page()
        worker = next((str(d.get("worker")) for d in _drivers(page) if d.get("id") == submission_id), "")
        pages = {str(w.get("id")): w.get("webuiaddress") for w in rows(page, "workers")}
        return str(pages.get(worker) or "")

    def _printed(self, worker: str, submission_id: str, stream: str) -> str | None:
        """Return the end of a stream without the line before it that says which bytes it is; None if the worker does not answer."""
        path = f"/log/?driverId={quote(submission_id)}&logType={stream}&byteLength={ENDING_BYTES}"
        head, _, text = Api(worker, self._timeout_s).text(path, ENDING_BYTES + 1024).partition("\n")
        if not head.startswith("==== Bytes"):
            return None
        return "" if text.startswith("Error: invalid log directory") else text

    def _status(self, submission_id: str) -> Mapping[str, Any]:
        return self._rest.first(lambda api: api.get(f"/v1/submissions/status/{submission_id}"), _decides)

    def refusal(self) -> str:
        return ""

    def room(self) -> Room | None:
        return masters_page.room(self._page())

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        return masters_page.waits_for(self._page(), asked, jobs) if asked else {}

    def _page(self) -> Mapping[str, Any]:
        return self._ui.first(lambda api: api.get("/json/"), lambda page: page.get("status") == "ALIVE")


class Masters:
    """Several masters, one of which is active. The last active one is asked first; a standby says that it is not active."""

    def __init__(self, addresses: str, timeout_s: float) -> None:
        self._apis = [Api(address.strip(), timeout_s) for address in addresses.split(",") if address.strip()]
        self._active = 0

    def first(self, ask: Callable[[Api], Answer | None], decides: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """Return the first answer of an active master; empty if there is none."""
        return self._first(ask, decides)[1]

    def active(self, ask: Callable[[Api], Answer | None], decides: Callable[[Mapping[str, Any]], bool]) -> Api | None:
        """Return the active master; None if none answers."""
        return self._first(ask, decides)[0]

    def _first(
        self, ask: Callable[[Api], Answer | None], decides: Callable[[Mapping[str, Any]], bool]
    ) -> tuple[Api | None, Mapping[str, Any]]:
        began = self._active
        for n in range(began, began + len(self._apis)):
            api = self._apis[n % len(self._apis)]
            answer = ask(api)
            if answer is not None and answer.body and decides(answer.body):
                self._active = n % len(self._apis)
                return api, answer.body
        return None, NOTHING


def _decides(body: Mapping[str, Any]) -> bool:
    """Return whether an active master answered. A standby or recovering master names what can be done in ALIVE state only."""
    return "action" in body and "ALIVE state" not in str(body.get("message"))


def _drivers(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*rows(page, "activedrivers"), *rows(page, "completeddrivers")]


def create_request(submission: Submission, master: str) -> Mapping[str, Any]:
    """Return the body of a create request. Without executors the driver runs the tasks itself."""
    inner = f"local[{submission.cores}]" if submission.executors == 0 else master
    arguments = ["--master", inner, "--deploy-mode", "client", "--name", submission.name]
    conf = {**submission.conf, "spark.driver.memory": submission.driver_memory}
    if submission.executors:
        conf["spark.executor.memory"] = submission.executor_memory
        conf["spark.cores.max"] = str(submission.cores)
        conf["spark.executor.cores"] = str(max(1, submission.cores // submission.executors))
    for key, value in sorted(conf.items()):
        arguments += ["--conf", f"{key}={value}"]
    if submission.main_class:
        arguments += ["--class", submission.main_class]
    if submission.jars:
        arguments += ["--jars", ",".join(submission.jars)]
    if submission.py_files:
        arguments += ["--py-files", ",".join(submission.py_files)]
    return {
        "action": "CreateSubmissionRequest",
        "clientSparkVersion": "4.2.0",
        "mainClass": "org.apache.spark.deploy.SparkSubmit",
        "appResource": "",
        "appArgs": [*arguments, submission.application, *submission.arguments],
        "environmentVariables": dict(submission.env),
        "sparkProperties": {
            "spark.app.name": submission.name,
            "spark.master": master,
            "spark.submit.deployMode": "cluster",
            "spark.driver.memory": submission.driver_memory,
            "spark.driver.cores": "1",
            "spark.driver.supervise": "false",  # Weir restarts by cause; the master would relaunch blindly
            **{k: v for k, v in submission.conf.items() if k.startswith("spark.driver.extra")},
        },
    }
