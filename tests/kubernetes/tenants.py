"""The objects that a tenant needs on a cluster: a namespace, and accounts for Weir and for drivers, with the rights of the manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.servers import ControlPlane

WEIR, DRIVER, EXECUTOR = "weir", "weir-driver", "weir-executor"
RIGHTS = Path(__file__).parents[2] / "deploy/kubernetes/streams/rights.yaml"
ROLES = {one["metadata"]["name"]: one["rules"] for one in yaml.safe_load_all(RIGHTS.read_text()) if one["kind"] == "Role"}


STATE = "weir-state"  # the claim that the manifests make for checkpoints
NO_CLAIMS = {  # the drivers' account has no right to claims
    "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
    "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
}


def create(plane: ControlPlane, namespace: str, without: str = "") -> None:
    """Create a tenant's namespace, accounts and rights; Weir's has none to the resource `without`."""
    plane.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        *_account(namespace, WEIR, [rule for rule in ROLES["weir-submit"] if without not in rule["resources"]]),
        *_account(namespace, DRIVER, ROLES["weir-driver"]),
        *_account(namespace, EXECUTOR, []),
    )


def claim(plane: ControlPlane, namespace: str, folder: Path) -> None:
    """Create the manifests' claim on a volume, which is a folder of this machine here. The controller manager binds them."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    volume = {
        **spec,
        "capacity": {"storage": "20Gi"},
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": STATE},
        "hostPath": {"path": str(folder)},
    }
    meta = {"name": STATE, "namespace": namespace}
    plane.apply(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"{namespace}-state"}, "spec": volume},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": meta,
            "spec": {**spec, "resources": {"requests": {"storage": "20Gi"}}},
        },
    )


def mounted(folder: Path) -> dict[str, str]:
    """Return the Spark settings with which drivers and executors have the claim at a folder."""
    return {
        f"spark.kubernetes.{role}.volumes.persistentVolumeClaim.state.{key}": value
        for role in ("driver", "executor")
        for key, value in {"mount.path": str(folder), "options.claimName": STATE}.items()
    }


def token(plane: ControlPlane, namespace: str, account: str = WEIR) -> str:
    """Return a new token of an account."""
    return plane.kubectl("create", "token", account, "-n", namespace, "--duration=24h").strip()


def _account(namespace: str, name: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    meta = {"name": name, "namespace": namespace}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {**rbac, "kind": "Role", "metadata": meta, "rules": rules},
        {**rbac, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [{"kind": "ServiceAccount", **meta}]},
    ]
