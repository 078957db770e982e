"""Kubernetes in cluster mode: the API's pods. A submission's id is `namespace:pod` of the driver.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weir.cluster.states import each
from weir.http import Api, context, rows, within
from weir.ports.cluster import ENDING_BYTES, DriverState, Submission, Submit
from weir.ports.room import Room

LABEL = "weir-job"  # on every driver pod, with the job's name, so that one request lists all of them
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

    def submit(self, submission: Submission) -> str:
        return self._submit(submission)

    def state(self, submission_id: str) -> DriverState:
        """Return the state of a driver; LOST if its pod was deleted: by Weir, by somebody else, by a drained node. Whether its containers
        ended is unknown then, since a forced deletion and the garbage collector do not wait for the node.
        https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-forced"""
        answer = self._api.get(_path(submission_id))
        if answer is None:
            return DriverState.UNKNOWN
        if answer.status == 404 and answer.body.get("reason") == "NotFound":
            return DriverState.LOST
        return _state(answer.body)

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        """Return the states by submission id: one request for each namespace, and one for each pod that is not listed."""
        listed: dict[str, DriverState] = {}
        for namespace in {one.partition(":")[0] for one in submission_ids}:
            answer = self._api.get(f"/api/v1/namespaces/{quote(namespace)}/pods?labelSelector={LABEL}")
            pods = rows(answer.body, "items") if answer else []
            listed |= {f"{namespace}:{within(pod, 'metadata', 'name')}": _state({"kind": "Pod", **pod}) for pod in pods}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def kill(self, submission_id: str) -> None:
        self._api.send("DELETE", _path(submission_id))

    def room(self) -> Room | None:
        """Return None: the free resources depend on the namespace's quota and on autoscaling, so they are unknown beforehand."""
        return None

    def waits_for(self, asked: Collection[str], jobs: Mapping[str, str]) -> Mapping[str, str]:
        """Return why pods are pending: why they are not scheduled, or why their container does not start, such as a missing image."""
        answers = {one: self._api.get(_path(one)) for one in asked}
        found = {one: _pending(answer.body) for one, answer in answers.items() if answer is not None}
        return {one: why for one, why in found.items() if why}

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


def _pending(pod: Mapping[str, Any]) -> str:
    """Return why a pod has not started, in the words of the scheduler or the node; empty if it has, or if neither says so."""
    if within(pod, "status", "phase") != "Pending":
        return ""
    unscheduled = [c for c in rows(pod, "status", "conditions") if c.get("type") == "PodScheduled" and c.get("status") == "False"]
    held = [w for c in rows(pod, "status", "containerStatuses") if isinstance(w := within(c, "state", "waiting"), Mapping)]
    told = (f"{each.get('reason') or ''}: {each.get('message') or ''}".strip(": ") for each in (*unscheduled, *held))
    return next((f"its pod is pending: {text}" for text in told if text and text != "ContainerCreating"), "")


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
