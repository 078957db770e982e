"""Kubernetes in cluster mode: the API's pods. A submission's id is `namespace:pod` of the driver.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weir.cluster import pods
from weir.cluster.states import each
from weir.http import OK, Answer, Api, context, rows, within
from weir.ports.cluster import ENDING_BYTES, DriverState, Submission, Submit
from weir.ports.room import Room

LABEL = "weir-job"  # on every driver pod, with the job's name, so that one request lists all of them
APPLICATION = "spark-app-selector"  # on the driver's pod and on those of its executors
UNAUTHORIZED, FORBIDDEN = 401, 403
ENDING_LINES = 2000
CONTAINER = "spark-kubernetes-driver"
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PHASES = {
    "Pending": DriverState.SUBMITTED,
    "Running": DriverState.RUNNING,
    "Succeeded": DriverState.FINISHED,
    "Failed": DriverState.FAILED,  # evicted pods, too: their node reported it
}  # and Unknown, when the node cannot be reached


class KubernetesCluster:
    """A cluster behind the API server at `address`. `token` is read at each call, since Kubernetes renews mounted tokens."""

    def __init__(
        self, address: str, submit: Submit, token: Callable[[], str], ca_file: str = "", log_url: str = "", timeout_s: float = 5.0
    ) -> None:
        tls = context(ca_file or None) if address.startswith("https") else None
        self._api = Api(address, timeout_s, lambda: _bearer(token()), tls)
        self._submit, self._log_url, self._timeout_s = submit, log_url, timeout_s
        self._refusal = ""

    def submit(self, submission: Submission) -> str:
        return self._submit(submission)

    def state(self, submission_id: str) -> DriverState:
        """Return the state of a driver; LOST if its pod was deleted: by Weir, by somebody else, by a drained node. Whether its containers
        ended is unknown then, since a forced deletion and the garbage collector do not wait for the node.
        https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-forced"""
        answer = self._get(_path(submission_id))
        if answer is None:
            return DriverState.UNKNOWN
        if answer.status == 404 and answer.body.get("reason") == "NotFound":
            return DriverState.LOST
        return _state(answer.body)

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        """Return the states by submission id: one request for each namespace, and one for each pod that is not listed."""
        listed: dict[str, DriverState] = {}
        for namespace in {one.partition(":")[0] for one in submission_ids}:
            found = self._pods(namespace, LABEL) or []
            listed |= {f"{namespace}:{within(pod, 'metadata', 'name')}": _state({"kind": "Pod", **pod}) for pod in found}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def kill(self, submission_id: str) -> None:
        self._api.send("DELETE", _path(submission_id))

    def refusal(self) -> str:
        """Return why the API server refused the last question: the missing right, in its words, or an unknown token."""
        return self._refusal

    def room(self) -> Room | None:
        """Return None: the free resources depend on the namespace's quota and on autoscaling, so they are unknown beforehand."""
        return None

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        """Return why pods are pending: why they are not scheduled, or why their container does not start, such as a missing image. Of a
        driver that runs, why it has no executor."""
        answers = {one: self._get(_path(one)) for one in asked}
        found = {one: self._waits_for(answer.body) for one, answer in answers.items() if answer is not None}
        return {one: why for one, why in found.items() if why}

    def _waits_for(self, driver: Mapping[str, Any]) -> str:
        namespace, app = within(driver, "metadata", "namespace"), within(driver, "metadata", "labels", APPLICATION)
        if within(driver, "status", "phase") != "Running" or not (namespace and app):
            return pods.pending(driver, "its pod")
        executors = self._pods(namespace, f"{APPLICATION}={app},spark-role=executor")
        phases = {within(pod, "status", "phase") for pod in executors or ()}
        if executors is None or "Running" in phases:
            return ""
        if "Pending" in phases:
            return next(filter(None, (pods.pending(pod, "its executor's pod") for pod in executors)), "")
        return f"it has no executor pods{pods.quotas(self._listed(f'/api/v1/namespaces/{quote(namespace)}/resourcequotas'))}"

    def _pods(self, namespace: str, selector: str) -> list[Mapping[str, Any]] | None:
        """Return the pods with some labels; None if the API server did not answer, or refused."""
        answer = self._get(f"/api/v1/namespaces/{quote(namespace)}/pods?labelSelector={quote(selector, safe='=,')}")
        return rows(answer.body, "items") if answer and answer.status == OK else None

    def _listed(self, path: str) -> list[Mapping[str, Any]]:
        """Return what there is, as far as Weir may see it."""
        answer = self._api.get(path)
        return rows(answer.body, "items") if answer else []

    def _get(self, path: str) -> Answer | None:
        answer = self._api.get(path)
        if answer is not None:
            self._refusal = _refused(answer)
        return answer

    def ending(self, submission_id: str) -> str:
        """Return the end of the pod's log, which has both streams; empty if the pod was deleted."""
        lines = f"&tailLines={ENDING_LINES}"  # and not limitBytes, which cuts off the end
        return self._api.text(f"{_path(submission_id)}/log?container={CONTAINER}{lines}", ENDING_BYTES)

    def log_link(self, submission_id: str) -> str:
        namespace, _, pod = submission_id.partition(":")
        if self._log_url:
            return self._log_url.format(id=submission_id, namespace=namespace, pod=pod)
        return f"{self._api.address.rstrip('/')}{_path(submission_id)}/log?container={CONTAINER}"


def mounted(file: str = "") -> Callable[[], str]:
    """Return a function that reads a token from a file, by default the one that Kubernetes mounts; empty if there is none."""
    path = Path(file) if file else IN_CLUSTER / "token"
    return lambda: path.read_text().strip() if path.exists() else ""


def mounted_ca() -> str:
    """Return the file with the cluster's own certificates, if this process runs in a pod; else an empty string."""
    return str(IN_CLUSTER / "ca.crt") if (IN_CLUSTER / "ca.crt").exists() else ""


def _path(submission_id: str) -> str:
    namespace, _, pod = submission_id.partition(":")
    return f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}"


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _refused(answer: Answer) -> str:
    """Return why the API server refused to answer; empty if it did not."""
    if answer.status == UNAUTHORIZED:
        return "the API server does not accept the token (401): check token-file or the password of the Spark connection"
    if answer.status == FORBIDDEN:
        return f"a right is missing (403): {answer.body.get('message') or 'the API server does not say which'}"
    return ""


def _state(pod: Mapping[str, Any]) -> DriverState:
    """Return the state of a pod from the API; UNKNOWN for anything else.

    A side car may keep the pod running when the driver has ended. A kill for memory has its own reason, on the container, not on the pod.
    Failed is LOST unless the driver's container is reported as terminated: the control plane also sets that phase on the pods of a node
    that died or was cut off. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase"""
    phase = str(within(pod, "status", "phase")) if pod.get("kind") == "Pod" else ""
    for container in rows(pod, "status", "containerStatuses"):
        if container.get("name") != CONTAINER:
            continue
        ended = within(container, "state", "terminated")
        if not ended:
            return DriverState.LOST if phase == "Failed" else PHASES.get(phase, DriverState.UNKNOWN)
        if within(ended, "reason") == "OOMKilled":
            return DriverState.OUT_OF_MEMORY
        if phase == "Running":
            return DriverState.FINISHED if within(ended, "exitCode") == 0 else DriverState.FAILED
    return PHASES.get(phase, DriverState.UNKNOWN)
