"""YARN in cluster mode: the ResourceManager's REST API. A submission's id is that of the application.

https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/ResourceManagerRest.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from weir.cluster.rest import NOTHING, Answer, Api, each, rows
from weir.ports.cluster import DriverState, Room, Submission, Submit

TAG = "weir"  # of every application that Weir submits, so that one question is enough for all of them
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
FINAL = {"SUCCEEDED": DriverState.FINISHED, "KILLED": DriverState.KILLED}


class YarnCluster:
    """`rest` is the comma-separated addresses of the resource managers, of which one is active; `user` is who may kill there."""

    def __init__(self, rest: str, submit: Submit, user: str = "", log_url: str = "", timeout_s: float = 5.0) -> None:
        self._addresses = [address.strip() for address in rest.split(",") if address.strip()]
        self._apis = [Api(address, timeout_s) for address in self._addresses]
        self._submit, self._user, self._log_url, self._timeout_s = submit, user, log_url, timeout_s

    def submit(self, submission: Submission) -> str:
        return self._submit(submission)

    def state(self, submission_id: str) -> DriverState:
        answer = self._ask(lambda api: api.get(self._path(f"/{quote(submission_id)}")))
        if answer.status == 404 and "NotFound" in str(answer.body.get("RemoteException")):
            return DriverState.FAILED  # it keeps all that run, and forgets only those that ended
        return _state(answer.body.get("app"))

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        answer = self._ask(lambda api: api.get(self._path("", applicationTags=TAG, deSelects="resourceRequests")))
        listed = {str(app.get("id")): _state(app) for app in rows(answer.body, "apps", "app")}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def kill(self, submission_id: str) -> None:
        self._ask(lambda api: api.send("PUT", self._path(f"/{quote(submission_id)}/state"), {"state": "KILLED"}))

    def room(self) -> Room | None:
        """How much there is depends on the queue: nobody says beforehand."""
        return None

    def log_link(self, submission_id: str) -> str:
        if self._log_url:
            return self._log_url.format(id=submission_id)
        return f"{self._addresses[0].rstrip('/')}/cluster/app/{quote(submission_id)}" if self._addresses else ""

    def _path(self, rest: str, **asked: str) -> str:
        user = {"user.name": self._user} if self._user else {}
        return f"/ws/v1/cluster/apps{rest}" + (f"?{urlencode({**asked, **user})}" if asked or user else "")

    def _ask(self, ask: Callable[[Api], Answer | None]) -> Answer:
        """The first answer in JSON: a standby redirects to the active one in plain text."""
        for api in self._apis:
            answer = ask(api)
            if answer is not None and answer.body:
                return answer
        return Answer(0, NOTHING)


def _state(app: Any) -> DriverState:
    """Of an application as the API tells it; UNKNOWN for what is none."""
    if not isinstance(app, dict):
        return DriverState.UNKNOWN
    state = STATES.get(str(app.get("state")), DriverState.UNKNOWN)
    if state is DriverState.FAILED and OVER_MEMORY.search(str(app.get("diagnostics"))):
        return DriverState.OUT_OF_MEMORY
    return FINAL.get(str(app.get("finalStatus")), state) if app.get("state") == "FINISHED" else state
