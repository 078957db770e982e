"""YARN in cluster mode: the ResourceManager's REST API. A submission's id is that of the application.

https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/ResourceManagerRest.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from weir.cluster.states import each
from weir.http import NOTHING, Answer, Api, rows, within
from weir.ports.cluster import ENDING_BYTES, DriverState, Submission, Submit
from weir.ports.room import Room

NOT_FOUND = 404
TAG = "weir"  # on every application of Weir, so that one request lists all of them
STATES = {
    "NEW": DriverState.SUBMITTED,
    "NEW_SAVING": DriverState.SUBMITTED,
    "SUBMITTED": DriverState.SUBMITTED,
    "ACCEPTED": DriverState.SUBMITTED,
    "RUNNING": DriverState.RUNNING,
    "FINISHED": DriverState.FAILED,  # unless the final status says better
    "FAILED": DriverState.FAILED,
    "KILLED": DriverState.KILLED,
}
# KILLED_EXCEEDED_VMEM and KILLED_EXCEEDED_PMEM of org.apache.hadoop.yarn.api.records.ContainerExitStatus, as diagnostics quote them.
OVER_MEMORY = re.compile(r"exitCode: -10[34]\b")
# ABORTED (its node was lost) and PREEMPTED of the same, which the ResourceManager sets by itself; and what it says of a driver that it
# no longer hears from (org.apache.hadoop.yarn.server.resourcemanager.rmapp.attempt.RMAppAttemptImpl). No node has seen the process end.
GIVEN_UP = re.compile(r"exitCode: -10[02]\b|on a \*lost\* node|ApplicationMaster for attempt \S+ timed out")
# Of a node's application whose containers have all ended:
# https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/NodeManagerRest.html#Application_API
CONTAINERS_ENDED = ("APPLICATION_RESOURCES_CLEANINGUP", "FINISHED")
FINAL = {"SUCCEEDED": DriverState.FINISHED, "KILLED": DriverState.KILLED}


class YarnCluster:
    """A cluster behind the resource managers at `rest` (comma-separated), one of which is active; `user` may kill applications."""

    def __init__(self, rest: str, submit: Submit, user: str = "", log_url: str = "", timeout_s: float = 5.0) -> None:
        self._addresses = [address.strip() for address in rest.split(",") if address.strip()]
        self._apis = [Api(address, timeout_s) for address in self._addresses]
        self._submit, self._user, self._log_url, self._timeout_s = submit, user, log_url, timeout_s

    def submit(self, submission: Submission) -> str:
        return self._submit(submission)

    def state(self, submission_id: str) -> DriverState:
        """Return the state of a driver. For KILLED, ask the node, too: the ResourceManager does not wait for it."""
        answer = self._ask(lambda api: api.get(self._path(f"/{quote(submission_id)}")))
        if _not_found(answer):
            if not self._is_active():
                return DriverState.UNKNOWN
            answer = self._ask(lambda api: api.get(self._path(f"/{quote(submission_id)}")))  # it may have recovered in between
            if _not_found(answer):
                return DriverState.LOST
        app = answer.body.get("app")
        state = _state(app)
        return state if state is not DriverState.KILLED or self._node_confirms(app) else DriverState.LOST

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        answer = self._ask(lambda api: api.get(self._path("", applicationTags=TAG, deSelects="resourceRequests")))
        listed = {str(app.get("id")): _state(app) for app in rows(answer.body, "apps", "app")}
        listed = {one: state for one, state in listed.items() if state is not DriverState.KILLED}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def _is_active(self) -> bool:
        """Return whether the ResourceManager is active. While it recovers, it does not find running applications: for 2.2 s in a test."""
        info = self._ask(lambda api: api.get("/ws/v1/cluster/info"))
        return str(within(info.body, "clusterInfo", "haState")) == "ACTIVE"

    def _node_confirms(self, app: Any) -> bool:
        """Return whether the driver's node says that all of the application's containers have ended, or that it has none."""
        node = within(app, "amHostHttpAddress")
        if not node:
            return False
        scheme = "https" if self._addresses[0].startswith("https") else "http"
        answer = Api(f"{scheme}://{node}", self._timeout_s).get(f"/ws/v1/node/apps/{quote(str(within(app, 'id')))}")
        return answer is not None and (_not_found(answer) or within(answer.body, "app", "state") in CONTAINERS_ENDED)

    def kill(self, submission_id: str) -> None:
        self._ask(lambda api: api.send("PUT", self._path(f"/{quote(submission_id)}/state"), {"state": "KILLED"}))

    def refusal(self) -> str:
        return ""

    def room(self) -> Room | None:
        """Return None: the free resources depend on the queue, so they are unknown beforehand."""
        return None

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        """Return the diagnostics of applications that wait in a queue."""
        apps = {one: self._ask(lambda api, one=one: api.get(self._path(f"/{quote(one)}"))).body.get("app") for one in asked}  # type: ignore[misc]
        waiting = {one: app for one, app in apps.items() if _state(app) is DriverState.SUBMITTED}
        return {one: f"its application waits in the queue {within(app, 'queue') or '?'}: {_line(app)}" for one, app in waiting.items()}

    def ending(self, submission_id: str) -> str:
        """Return the application's diagnostics.

        They have the exception of a JVM's main class, and on many clusters the last 4096 bytes of standard error. For a Python driver they
        often only say that it ended: its output stays on the nodes, where each cluster stores it differently.
        """
        answer = self._ask(lambda api: api.get(self._path(f"/{quote(submission_id)}")))
        return str(within(answer.body, "app", "diagnostics") or "")[-ENDING_BYTES:]

    def log_link(self, submission_id: str) -> str:
        if self._log_url:
            return self._log_url.format(id=submission_id)
        return f"{self._addresses[0].rstrip('/')}/cluster/app/{quote(submission_id)}" if self._addresses else ""

    def _path(self, rest: str, **asked: str) -> str:
        user = {"user.name": self._user} if self._user else {}
        return f"/ws/v1/cluster/apps{rest}" + (f"?{urlencode({**asked, **user})}" if asked or user else "")

    def _ask(self, ask: Callable[[Api], Answer | None]) -> Answer:
        """Return the first answer in JSON: a standby redirects to the active one in plain text."""
        for api in self._apis:
            answer = ask(api)
            if answer is not None and answer.body:
                return answer
        return Answer(0, NOTHING)


def _not_found(answer: Answer) -> bool:
    """Return whether the API does not know the application, rather than a proxy that does not know the API."""
    return answer.status == NOT_FOUND and "NotFound" in str(answer.body.get("RemoteException"))


def _line(app: Any) -> str:
    return " ".join(str(within(app, "diagnostics") or "YARN gives no reason").split())[:300]


def _state(app: Any) -> DriverState:
    """Return the state of an application from the API; UNKNOWN for anything else."""
    if not isinstance(app, dict):
        return DriverState.UNKNOWN
    state = STATES.get(str(app.get("state")), DriverState.UNKNOWN)
    if state is DriverState.FAILED and OVER_MEMORY.search(str(app.get("diagnostics"))):
        return DriverState.OUT_OF_MEMORY
    if app.get("state") == "FAILED" and GIVEN_UP.search(str(app.get("diagnostics"))):
        return DriverState.LOST
    return FINAL.get(str(app.get("finalStatus")), state) if app.get("state") == "FINISHED" else state
