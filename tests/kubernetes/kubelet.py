"""A node: runs the pods that the scheduler binds to it, each container as a process, and reports their states to the API server.

It acts as the user `system:node:NAME`, with the rights that a kubelet has. What it only plays: pulling images (an image is there, or it is
told that it is not) and the pods' network (a pod has an address of 127/8). It knows no probes, no init containers and no restarts.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import traceback
import urllib.error
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes import volumes
from tests.kubernetes.client import Client, Object, pod_path
from tests.kubernetes.container import Container, tidy
from tests.kubernetes.servers import ControlPlane

LEASE_S = 2.0
PULL_RETRY_S = 10.0
ENDED_S = 30.0
NO_SUCH_IMAGE = "missing"  # in the name of an image that cannot be pulled
ADDRESSES = itertools.count(10)
SHORT_OF_MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi. "  # the kubelet's own words
NOTHING: Mapping[str, str] = {}


class Node:
    """A node with `cores` and `memory`. `cut_off` stops what it says and hears, its pods run on; `power_off` ends them, too."""

    def __init__(self, name: str, plane: ControlPlane, cores: int, memory: str) -> None:
        self.name, self._home = name, plane.home / name
        self._client = Client(plane.url, plane.ca, plane.token(f"system:node:{name}"))
        self._resources = {"cpu": str(cores), "memory": memory, "pods": "20", "ephemeral-storage": "100Gi"}
        self.containers: dict[str, Container] = {}  # by pod
        self._known: set[str] = set()
        self._evicted: set[str] = set()
        self.told: dict[str, Object] = {}  # by pod, its last status at the API server: Weir deletes the pod of a driver that it replaces
        self._silent, self._ended = threading.Event(), threading.Event()

    def start(self) -> None:
        self._home.mkdir(exist_ok=True)
        self._register()
        for work in (self._beat, self._follow):
            threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        self.power_off()
        deadline = time.monotonic() + ENDED_S
        while self.containers and time.monotonic() < deadline:  # until their threads have removed the cgroups
            time.sleep(0.1)

    def cut_off(self) -> None:
        self._silent.set()

    def come_back(self) -> None:
        self._register()
        self._silent.clear()

    def power_off(self) -> None:
        self.cut_off()
        for container in list(self.containers.values()):
            container.kill()

    def evict(self, pod: str) -> None:
        """End a pod as a kubelet does that is short of memory: at once, and its pod stays as failed, with the reason."""
        self._evicted.add(pod)
        self.containers[pod].kill()

    # what a node says

    def _register(self) -> None:
        labels = {"kubernetes.io/hostname": self.name}
        with contextlib.suppress(urllib.error.HTTPError):  # it is there
            self._client.post("/api/v1/nodes", {"metadata": {"name": self.name, "labels": labels}})
        lease = {"metadata": {"name": self.name}, "spec": self._lease()}
        with contextlib.suppress(urllib.error.HTTPError):
            self._client.post("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", lease)
        self._report()

    def _report(self) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now(), "lastTransitionTime": _now()}
        status = {"capacity": self._resources, "allocatable": self._resources, "conditions": [ready]}
        self._client.patch(f"/api/v1/nodes/{self.name}/status", {"status": status})

    def _lease(self) -> Mapping[str, Any]:
        return {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": datetime.now(UTC).isoformat().replace("+00:00", "Z")}

    def _beat(self) -> None:
        """Renew the lease, and say again that the node is ready: that takes back `Unknown` after a silence."""
        path, silent = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.name}", False
        while not self._ended.wait(LEASE_S):
            if self._silent.is_set():
                silent = True
                continue
            try:
                self._client.patch(path, {"spec": self._lease()})
                if silent:
                    self._report()
                silent = False
            except OSError:
                silent = True  # the API server is away

    # what a node does

    def _follow(self) -> None:
        while not self._ended.wait(0.5):
            if self._silent.is_set():
                continue
            try:
                for kind, pod in self._client.watch("/api/v1/pods", fieldSelector=f"spec.nodeName={self.name}"):
                    if self._ended.is_set() or self._silent.is_set():
                        break
                    self._take(kind, pod)
            except (OSError, ValueError, KeyError):  # the API server is away, or has forgotten what changed
                continue

    def _take(self, kind: str, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if kind == "DELETED":  # by force: nobody waited for this node
            return self._in_background(self._end, pod, 1.0)
        if kind not in ("ADDED", "MODIFIED"):
            return None
        if pod["metadata"].get("deletionTimestamp"):
            return self._in_background(self._terminate, pod)
        if uid not in self._known and pod["status"].get("phase") == "Pending":
            self._known.add(uid)
            return self._in_background(self._run, pod)
        return None

    def _in_background(self, work: Any, *args: Any) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()

    def _run(self, pod: Object) -> None:
        try:
            self._started(pod)
        except Exception:
            (self._home / "errors.log").open("a").write(traceback.format_exc())
            raise

    def _started(self, pod: Object) -> None:
        name, address = pod["metadata"]["name"], f"127.0.1.{next(ADDRESSES)}"
        (spec,) = pod["spec"]["containers"]
        if not self._pulled(pod, spec):
            return
        self._tell(pod, "Pending", address, {"waiting": {"reason": "ContainerCreating"}})
        folder = self._home / name
        folder.mkdir(exist_ok=True)
        container = Container(pod, spec, address, volumes.made(pod, folder / "volumes", self._client), folder)
        self.containers[name], since = container, _now()
        self._tell(pod, "Running", address, {"running": {"startedAt": since}})
        code, starved = container.wait()
        self.containers.pop(name, None)
        reason = "OOMKilled" if starved else "Error" if code else "Completed"
        ended = {"exitCode": code, "reason": reason, "startedAt": since, "finishedAt": _now()}
        why = {"reason": "Evicted", "message": SHORT_OF_MEMORY} if name in self._evicted else {}
        self._tell(pod, "Failed" if code else "Succeeded", address, {"terminated": ended}, why)

    def _pulled(self, pod: Object, spec: Object) -> bool:
        """Say what a kubelet says of an image that cannot be pulled; it tries again until the pod is deleted."""
        if NO_SUCH_IMAGE not in spec["image"]:
            return True
        why = f'failed to pull and unpack image "{spec["image"]}": failed to resolve reference: not found'
        self._tell(pod, "Pending", "", {"waiting": {"reason": "ErrImagePull", "message": why}})
        self._ended.wait(PULL_RETRY_S)
        back_off = f'Back-off pulling image "{spec["image"]}": ErrImagePull: {why}'
        self._tell(pod, "Pending", "", {"waiting": {"reason": "ImagePullBackOff", "message": back_off}})
        return False

    def _terminate(self, pod: Object) -> None:
        """End a pod's container within its grace period, and tell the API server that it is gone."""
        grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        self._end(pod, grace)
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        self._until_heard(lambda: self._client.delete(pod_path(pod), body))

    def _end(self, pod: Object, grace: float) -> None:
        if container := self.containers.get(pod["metadata"]["name"]):
            container.stop(grace)

    def _tell(self, pod: Object, phase: str, address: str, state: Object, why: Mapping[str, str] = NOTHING) -> None:
        """Report a pod's state; `why` has reason and message of the pod, beside those of its container."""
        (spec,) = pod["spec"]["containers"]
        ready = "running" in state
        told = {"name": spec["name"], "image": spec["image"], "imageID": "", "ready": ready, "restartCount": 0, "state": state}
        conditions = [_condition("Initialized", True), _condition("ContainersReady", ready), _condition("Ready", ready)]
        status: Object = {
            "phase": phase,
            "hostIP": "127.0.0.1",
            "conditions": conditions,
            "containerStatuses": [{**told, "started": ready}],
            **why,
        }
        if address:
            status |= {"podIP": address, "podIPs": [{"ip": address}]}

        def tell() -> None:
            self.told[pod["metadata"]["name"]] = self._client.patch(f"{pod_path(pod)}/status", {"status": status})["status"]

        self._until_heard(tell)

    def _until_heard(self, tell: Any) -> None:
        """Say something until the API server answers; a refusal is an answer."""
        while not self._ended.is_set():
            try:
                if not self._silent.is_set():
                    tell()
                    return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return
            except OSError:
                pass
            time.sleep(0.5)


@contextlib.contextmanager
def nodes(plane: ControlPlane, cores: int, memory: str, *names: str) -> Iterator[dict[str, Node]]:
    """Start nodes, each with so many cores and so much memory, and end them with everything that runs there."""
    found = {name: Node(name, plane, cores, memory) for name in names}
    try:
        for node in found.values():
            node.start()
        yield found
    finally:
        for node in found.values():
            node.stop()
        tidy()


def _condition(kind: str, true: bool) -> Object:
    return {"type": kind, "status": str(true), "lastTransitionTime": _now()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
