"""What spark-submit and a real API server say to each other: no node, no stream, so that it is cheap. The pods stay pending."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import binaries, skip_unless_built, tenants
from tests.kubernetes.servers import ControlPlane, control_plane
from weir.cluster.kubernetes import KubernetesCluster
from weir.errors import NotRunning, NotTaken
from weir.ports.cluster import DriverState, Submission

pytestmark = pytest.mark.stack
OURS, THEIRS = "streams", "others"
CONF = {
    "spark.kubernetes.container.image": "weir-job:1",
    "spark.kubernetes.authenticate.driver.serviceAccountName": tenants.DRIVER,
    **tenants.NO_CLAIMS,
}
DRIVER = Submission("weir:error_counts:1", "/bundles/job.py", ["{}"], CONF, {}, jars=["/jars/kafka.jar"])


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    skip_unless_built(*binaries.SERVERS)
    with control_plane(tmp_path_factory.mktemp("plane")) as found:
        tenants.create(found, OURS)
        tenants.create(found, THEIRS)
        yield found


def cluster_of(plane: ControlPlane, namespace: str) -> KubernetesCluster:
    """Return the cluster as a tenant's Weir sees it."""
    token = tenants.token(plane, namespace)

    def submit(submission: Submission) -> str:
        from weir.airflow.spark_submit import SparkSubmit

        return SparkSubmit("spark_default", budget_s=600)(submission)  # 180 s were too few at a load of 50

    return KubernetesCluster(plane.url, submit, lambda: token, str(plane.ca), timeout_s=30.0)


@pytest.fixture
def cluster(plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KubernetesCluster:
    file = tmp_path / "token"
    file.write_text(tenants.token(plane, OURS))
    extra = {"namespace": OURS, "token-file": str(file), "ca-file": str(plane.ca)}
    connection = {"conn_type": "spark", "host": "k8s://https://localhost", "port": plane.port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps(connection))
    return cluster_of(plane, OURS)


def test_a_submitted_driver_is_found_by_its_tenant_alone(plane: ControlPlane, cluster: KubernetesCluster) -> None:
    driver = cluster.submit(DRIVER)
    namespace, _, pod = driver.partition(":")
    found = json.loads(plane.kubectl("get", "pod", pod, "-n", namespace, "-o", "json"))
    assert found["metadata"]["labels"]["weir-job"] == "error_counts" and "local:///bundles/job.py" in found["spec"]["containers"][0]["args"]
    assert cluster.state(driver) is DriverState.SUBMITTED and cluster.states_of([driver]) == {driver: DriverState.SUBMITTED}
    theirs = cluster_of(plane, THEIRS)
    assert theirs.state(driver) is DriverState.UNKNOWN and theirs.states_of([driver]) == {driver: DriverState.UNKNOWN}
    assert f'User "system:serviceaccount:{THEIRS}:weir" cannot get resource "pods"' in theirs.refusal()
    theirs.kill(driver)
    assert cluster.state(driver) is DriverState.SUBMITTED, "another tenant cannot end it"
    plane.api.stop("SIGKILL")
    assert cluster.state(driver) is DriverState.UNKNOWN and cluster.refusal() == ""
    plane.api.start()
    assert cluster.state(driver) is DriverState.SUBMITTED
    cluster.kill(driver)
    assert cluster.state(driver) is DriverState.LOST


def test_a_quota_refuses_a_driver_in_its_own_words(plane: ControlPlane, cluster: KubernetesCluster) -> None:
    meta, status = {"name": "tenant", "namespace": OURS}, {"hard": {"pods": "0"}, "used": {"pods": "0"}}
    plane.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {"pods": "0"}}})
    patch = json.dumps({"status": status})  # as the controller manager, which does not run here, would compute it
    plane.kubectl("patch", "quota", "tenant", "-n", OURS, "--subresource=status", "--type=merge", "-p", patch)
    with pytest.raises(NotTaken, match="exceeded quota: tenant, requested: pods=1, used: pods=0, limited: pods=0"):
        cluster.submit(DRIVER)
    assert plane.kubectl("get", "pods", "-n", OURS, "-o", "name") == ""
    plane.kubectl("delete", "quota", "tenant", "-n", OURS)


def test_a_missing_right_is_named(plane: ControlPlane, cluster: KubernetesCluster) -> None:
    """Since Spark 4.2 a submission creates a NetworkPolicy, too."""
    tenants.create(plane, OURS, without="networkpolicies")
    with pytest.raises(NotRunning, match='resource "networkpolicies"'):
        cluster.submit(DRIVER)
    tenants.create(plane, OURS)
