"""Spark standalone through the master's REST API: the one documented way to run a Python driver in cluster mode there.

`spark-submit --deploy-mode cluster` refuses Python on standalone; SparkSubmit itself as the main class does not. It answers in 20 ms,
a spark-submit JVM in 3 s. https://spark.apache.org/docs/latest/spark-standalone.html#rest-api
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from weir.cluster.records import DriverState, Submission
from weir.errors import NotRunning

STATES = {
    "SUBMITTED": DriverState.SUBMITTED,
    "RUNNING": DriverState.RUNNING,
    "RELAUNCHING": DriverState.SUBMITTED,
    "FINISHED": DriverState.FINISHED,
    "FAILED": DriverState.FAILED,
    "ERROR": DriverState.FAILED,
    "KILLED": DriverState.KILLED,
    "NOT_FOUND": DriverState.FAILED,  # a master that remembers (FILESYSTEM recovery) forgets only drivers that ended
}


class StandaloneCluster:
    """`master` may name several masters (`spark://a:7077,b:7077`); `rest` is a comma-separated list of their REST addresses."""

    def __init__(self, master: str, rest: str, timeout_s: float = 5.0) -> None:
        self._master, self._rest, self._timeout_s = master, [r.rstrip("/") for r in rest.split(",")], timeout_s

    def submit(self, submission: Submission) -> str:
        answer = self._call("POST", "create", create_request(submission, self._master))
        if answer is None or not answer.get("success"):
            why = (answer or {}).get("message", f"no answer from {', '.join(self._rest)}")
            raise NotRunning(f"Spark's master did not take {submission.name}: {why}.", "Look at: weir status")
        return str(answer["submissionId"])

    def state(self, submission_id: str) -> DriverState:
        answer = self._call("GET", f"status/{submission_id}")
        if answer is None:
            return DriverState.UNKNOWN
        return STATES.get(str(answer.get("driverState", "NOT_FOUND")), DriverState.UNKNOWN)

    def kill(self, submission_id: str) -> None:
        self._call("POST", f"kill/{submission_id}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer of the first master that is active, or None."""
        for rest in self._rest:
            data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
            request = urllib.request.Request(  # noqa: S310 - the address comes from the settings
                f"{rest}/v1/submissions/{path}", data, {"Content-Type": "application/json;charset=UTF-8"}, method=method
            )
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s) as response:  # noqa: S310
                    answer: dict[str, Any] = json.load(response)
            except (OSError, ValueError):
                continue
            if "ALIVE state" not in str(answer.get("message", "")):  # what a standby or recovering master complains about
                return answer
        return None


def create_request(submission: Submission, master: str) -> Mapping[str, Any]:
    """The body of a create request. Without executors the driver runs the tasks itself."""
    inner = f"local[{submission.cores}]" if submission.executors == 0 else master
    arguments = ["--master", inner, "--deploy-mode", "client", "--name", submission.name]
    conf = {**submission.conf, "spark.driver.memory": submission.driver_memory}
    if submission.executors:
        conf["spark.executor.memory"] = submission.executor_memory
        conf["spark.cores.max"] = str(submission.cores)
        conf["spark.executor.cores"] = str(max(1, submission.cores // submission.executors))
    for key, value in sorted(conf.items()):
        arguments += ["--conf", f"{key}={value}"]
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
