"""The objects that a tenant needs on a cluster: a namespace, an account for Weir and one for drivers, each with the least rights."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.servers import ControlPlane

WEIR, DRIVER = "weir", "weir-driver"
ALL = ["create", "get", "list", "watch", "delete", "deletecollection", "patch"]
OF_DRIVERS = [
    {"apiGroups": [""], "resources": ["pods", "configmaps", "services", "persistentvolumeclaims"], "verbs": ALL},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ALL},
]
OF_WEIR = [*OF_DRIVERS, {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]


def create(plane: ControlPlane, namespace: str) -> None:
    """Create a tenant's namespace, accounts and rights."""
    plane.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        *_account(namespace, WEIR, OF_WEIR),
        *_account(namespace, DRIVER, OF_DRIVERS),
    )


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
