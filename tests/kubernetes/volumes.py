"""Make the volumes of a pod: folders with what the API server has for them, as the kubelet does."""

from __future__ import annotations

import base64
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path

from tests.kubernetes.client import Client, Object

PATIENCE_S = 60.0  # for a ConfigMap that is created after its pod, as Spark does
TOKEN_S = 3607  # how long a ServiceAccount's token holds, as the kubelet asks


def made(pod: Object, folder: Path, client: Client) -> dict[str, Path]:
    """Return the folder of each volume by name. Raises TimeoutError, which names what is missing."""
    return {volume["name"]: _made(volume, pod, folder / volume["name"], client) for volume in pod["spec"].get("volumes", [])}


def _made(volume: Object, pod: Object, folder: Path, client: Client) -> Path:
    if "persistentVolumeClaim" in volume:
        volume = _claimed(volume["persistentVolumeClaim"]["claimName"], pod, client)
    if "hostPath" in volume:
        host = Path(volume["hostPath"]["path"])
        host.mkdir(parents=True, exist_ok=True)
        return host
    folder.mkdir(parents=True, exist_ok=True)
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    for source in sources:
        for name, content in _contents(source, pod, client).items():
            (folder / name).write_bytes(content)
    return folder


def _claimed(name: str, pod: Object, client: Client) -> Object:
    """Return the source of the volume that a claim is bound to: the scheduler binds no pod to a node before that."""
    claim = client.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/persistentvolumeclaims/{name}")
    spec: Object = client.get(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")["spec"]
    return spec


def _contents(source: Object, pod: Object, client: Client) -> dict[str, bytes]:
    """Return the files of a source by name; none of an emptyDir."""
    namespace = pod["metadata"]["namespace"]
    if "configMap" in source:
        named = source["configMap"]
        data = _awaited(lambda: client.get(f"/api/v1/namespaces/{namespace}/configmaps/{named['name']}"), f"ConfigMap {named['name']}")
        return _chosen({key: text.encode() for key, text in data.get("data", {}).items()}, named)
    if "secret" in source:
        named, name = source["secret"], source["secret"].get("secretName") or source["secret"].get("name")
        data = _awaited(lambda: client.get(f"/api/v1/namespaces/{namespace}/secrets/{name}"), f"Secret {name}")
        return _chosen({key: base64.b64decode(text) for key, text in data.get("data", {}).items()}, named)
    if "serviceAccountToken" in source:
        return {source["serviceAccountToken"]["path"]: _token(pod, client).encode()}
    if "downwardAPI" in source:
        return {item["path"]: namespace.encode() for item in source["downwardAPI"]["items"]}
    return {}


def _chosen(data: dict[str, bytes], source: Object) -> dict[str, bytes]:
    items = source.get("items")
    return {item["path"]: data[item["key"]] for item in items if item["key"] in data} if items else data


def _token(pod: Object, client: Client) -> str:
    account = f"/api/v1/namespaces/{pod['metadata']['namespace']}/serviceaccounts/{pod['spec'].get('serviceAccountName', 'default')}"
    bound = {"kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    spec = {"expirationSeconds": TOKEN_S, "boundObjectRef": bound}
    answer = client.post(f"{account}/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
    return str(answer["status"]["token"])


def _awaited(ask: Callable[[], Object], what: str) -> Object:
    """Return the object, once it is there and the node may read it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except urllib.error.HTTPError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: {error.code}") from error
            time.sleep(0.3)
