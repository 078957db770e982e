"""The control plane that the other tests use: real servers with real rights."""

from __future__ import annotations

from pathlib import Path

from tests.kubernetes import ON_REQUEST
from tests.kubernetes.servers import control_plane

pytestmark = ON_REQUEST


def test_an_api_server_with_its_rights(tmp_path: Path) -> None:
    with control_plane(tmp_path) as plane:
        assert "namespace/default" in plane.kubectl("get", "namespaces", "-o", "name")
        plane.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "streams"}})
        answer = plane.kubectl("get", "pods", "-n", "streams", user="system:node:weir-0", check=False)
        assert "Forbidden" in answer, "a node sees the pods that run on it, and no others"
        plane.api.stop()
        plane.api.start()
        assert "namespace/streams" in plane.kubectl("get", "namespaces", "-o", "name"), "etcd has kept it"
