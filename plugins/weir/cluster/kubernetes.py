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
from weir.ports.cluster import ENDING_BYTES, DriverState, Room, Submission, Submit

LABEL = "weir-job"  # of every driver's pod that Weir starts, with the job's name, so that one question is enough for all of them
ENDING_LINES = 2000
CONTAINER = "spark-kubernetes-driver"
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PHASES = {
    "Pending": DriverState.SUBMITTED,
    "Running": DriverState.RUNNING,
    "Succeeded": DriverState.FINISHED,
    "Failed": DriverState.FAILED,  # evicted pods, too: that is the node's own word
}  # and Unknown, when the node cannot be reached


class KubernetesCluster:
    """`address` is the API server's. `token` is asked for at each call, since Kubernetes renews those that it mounts."""

    def __init__(
        self, address: str, submit: Submit, token: Callable[[], str], ca_file: str = "", log_url: str = "", timeout_s: float = 5.0
    ) -> None:
        tls = context(ca_file or None) if address.startswith("https") else None
        self._api = Api(address, timeout_s, lambda: _bearer(token()), tls)
        self._submit, self._log_url, self._timeout_s = submit, log_url, timeout_s

    def submit(self, submission: Submission) -> str:
        return self._submit(submission)

    def state(self, submission_id: str) -> DriverState:
        """A pod that is not there any more was deleted: by Weir, by somebody else, by a drained node. Whether its containers ended is not
        known, since a forced deletion and the garbage collector do not wait for the node's word.
        https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-forced"""
        answer = self._api.get(_path(submission_id))
        if answer is None:
            return DriverState.UNKNOWN
        if answer.status == 404 and answer.body.get("reason") == "NotFound":
            return DriverState.LOST
        return _state(answer.body)

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        """One list of pods a namespace; what is not in it is asked for by itself."""
        listed: dict[str, DriverState] = {}
        for namespace in {one.partition(":")[0] for one in submission_ids}:
            answer = self._api.get(f"/api/v1/namespaces/{quote(namespace)}/pods?labelSelector={LABEL}")
            pods = rows(answer.body, "items") if answer else []
            listed |= {f"{namespace}:{within(pod, 'metadata', 'name')}": _state({"kind": "Pod", **pod}) for pod in pods}
        return each(submission_ids, listed, self.state, self._timeout_s)

    def kill(self, submission_id: str) -> None:
        self._api.send("DELETE", _path(submission_id))

    def room(self) -> Room | None:
        """How much there is depends on the name space's quota and on autoscaling: nobody says beforehand."""
        return None

    def ending(self, submission_id: str) -> str:
        """A pod's log has both streams in one. There is none of a pod that was deleted."""
        lines = f"&tailLines={ENDING_LINES}"  # and not limitBytes, which cuts off the end
        return self._api.text(f"{_path(submission_id)}/log?container={CONTAINER}{lines}", ENDING_BYTES)

    def log_link(self, submission_id: str) -> str:
        namespace, _, pod = submission_id.partition(":")
        if self._log_url:
            return self._log_url.format(id=submission_id, namespace=namespace, pod=pod)
        return f"{self._api.address.rstrip('/')}{_path(submission_id)}/log?container={CONTAINER}"


def mounted(file: str = "") -> Callable[[], str]:
    """A token from a file, by default the one that Kubernetes mounts into a pod; empty if there is none."""
    path = Path(file) if file else IN_CLUSTER / "token"
    return lambda: path.read_text().strip() if path.exists() else ""


def mounted_ca() -> str:
    """The file with the cluster's own certificates, if this is a pod."""
    return str(IN_CLUSTER / "ca.crt") if (IN_CLUSTER / "ca.crt").exists() else ""


def _path(submission_id: str) -> str:
    namespace, _, pod = submission_id.partition(":")
    return f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}"


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _state(pod: Mapping[str, Any]) -> DriverState:
    """Of a pod as the API tells it; UNKNOWN for what is none. A side car may keep the pod running when the driver has ended. The kernel's
    kill for want of memory has a reason of its own, which is the container's and not the pod's.

    Failed is LOST while the driver's container is not told as terminated: the control plane sets that phase on the pods of a node that died
    or was cut off, too. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase"""
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
