"""YARN in cluster mode: the ResourceManager's REST API. A submission's id is that of the application.

https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/ResourceManagerRest.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from weir.cluster.states import each
from weir.cluster.yarn_application import lack_of, state_of
from weir.http import NOTHING, Answer, Api, rows, within
from weir.ports.cluster import ENDING_BYTES, DriverState, Submission, Submit
from weir.ports.room import Room

NOT_FOUND = 404
TAG = "weir"  # on every application of Weir, so that one request lists all of them
# Of a node's application whose containers have all ended:
# https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/NodeManagerRest.html#Application_API
CONTAINERS_ENDED = ("APPLICATION_RESOURCES_CLEANINGUP", "FINISHED")


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
        answer = self._look_up(submission_id)
        if _not_found(answer):
            active = self._active()
            answer = self._look_up(submission_id)
            if _not_found(answer):
                return DriverState.LOST if active and active == self._active() else DriverState.UNKNOWN
        app = answer.body.get("app")
        state = state_of(app)
        return state if state is not DriverState.KILLED or self._node_confirms(app) else DriverState.LOST

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        answer = self._ask(lambda api: api.get(self._path("", applicationTags=TAG, deSelects="resourceRequests")))
        listed = {str(app.get("id")): state_of(app) for app in rows(answer.body, "apps", "app")}
        listed = {one: state for one, state in listed.items() if state is not DriverState.KILLED}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def _look_up(self, submission_id: str) -> Answer:
        return self._ask(lambda api: api.get(self._path(f"/{quote(submission_id)}")))

    def _active(self) -> str:
        """Return which ResourceManager is active, and since when it runs; empty for none.

        While one recovers, it does not find running applications (for 2 s in a test, 13 s on a busy machine). So what it does not find is
        lost only if the same one was active before and after. A standby answers this by itself, and redirects only the rest.
        """
        for api in self._apis:
            answer = api.get("/ws/v1/cluster/info")
            info = within(answer.body, "clusterInfo") if answer else None
            if within(info, "haState") == "ACTIVE":
                return f"{api.address} {within(info, 'startedOn')}"
        return ""

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
        """Return the diagnostics of applications that wait in a queue, and what those lack that have a driver and no executor."""
        found = {one: lack_of(self._look_up(one).body.get("app")) for one in asked}
        return {one: why for one, why in found.items() if why}

    def ending(self, submission_id: str) -> str:
        """Return the application's diagnostics.

        They have the exception of a JVM's main class, and on many clusters the last 4096 bytes of standard error. For a Python driver they
        often only say that it ended: its output stays on the nodes, where each cluster stores it differently.
        """
        return str(within(self._look_up(submission_id).body, "app", "diagnostics") or "")[-ENDING_BYTES:]

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
