"""Every fault of a cluster that a driver can meet, one after the other, on one stream: the verdict, the seconds, and the counts.

Each test finds the stream counting, the first one excepted, and leaves it so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kubernetes import ON_REQUEST, tenants
from tests.kubernetes.conftest import OTHER, TENANT, Row, Table
from tests.kubernetes.kubelet import Node
from tests.kubernetes.stream import CONTAINER, IMAGE, JOB, Stream
from weir.cluster.kubernetes import KubernetesCluster
from weir.errors import NotRunning, NotTaken
from weir.ports.cluster import DriverState, Submission

pytestmark = [ON_REQUEST, pytest.mark.stack]
AWAY_S = float(os.environ.get("WEIR_TEST_API_AWAY_S", "120"))


def said(stream: Stream, row: Row, *verdicts: str, words: str = "") -> None:
    """Wait until Weir says one of these verdicts, with some words, since the row began."""

    def found() -> bool:
        for one in list(stream.seen):
            report = one.report
            if one.at >= row.began and report.verdict in verdicts and words.lower() in report.sentence.lower():
                row.said, row.said_s = f"{report.verdict}: {report.sentence}", one.at - row.began
                return True
        return False

    stream.until(found, f"Weir says {' or '.join(verdicts)} with {words!r}")


def test_a_deploy_starts_a_driver_and_an_executor_as_pods(idle: Stream, table: Table) -> None:
    with table.row("deploy", idle) as row:
        idle.deploy("first")
        idle.until_landed()
        said(idle, row, "ok", "catching_up")
    pods = json.loads(idle.plane.kubectl("get", "pods", "-n", TENANT, "-o", "json"))["items"]
    assert {pod["metadata"]["labels"]["spark-role"]: pod["status"]["phase"] for pod in pods} == {"driver": "Running", "executor": "Running"}
    assert idle.report.evidence["driver"] == "running"
    assert len(idle.drivers()) == 1
    mounts = Path(f"/proc/{idle.node_of(idle.pod).containers[idle.pod].main}/mountinfo").read_text()
    assert f" {idle.settings.checkpoints} " in mounts, "checkpoints are on the claim"


def test_a_killed_driver_is_replaced(stream: Stream, table: Table) -> None:
    before, pod = stream.attempt, stream.pod
    with table.row("kill -9 of the driver", stream) as row:
        os.kill((node := stream.node_of(pod)).containers[pod].main, signal.SIGKILL)
        said(stream, row, "down", words="the cluster says failed")
        stream.until_landed(before)
    ended = node.told[pod]
    assert ended["phase"] == "Failed" and ended["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    only_one(stream)


def test_a_driver_that_takes_too_much_memory_gets_more_once(stream: Stream, table: Table) -> None:
    before, pod = stream.attempt, stream.pod
    with table.row("OOMKilled", stream) as row:
        (node := stream.node_of(pod)).containers[pod].exhaust()
        said(stream, row, "down", words="memory")
        stream.until_landed(before)
    assert node.told[pod]["containerStatuses"][0]["state"]["terminated"]["reason"] == "OOMKilled"
    assert stream.manager.store.attempts(JOB, 2)[1].exit_reason == "out_of_memory"
    limit = stream.describe(stream.pod)["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert limit == "2867Mi", "restart.larger_memory of 2 GiB and 40 % for what is not the JVM's"
    only_one(stream)


def test_a_deleted_pod_is_replaced(stream: Stream, table: Table) -> None:
    before, pod = stream.attempt, stream.pod
    with table.row("kubectl delete pod", stream) as row:
        stream.plane.kubectl("delete", "pod", pod, "-n", TENANT, "--wait=false")
        said(stream, row, "down")
        stream.until_landed(before)
    only_one(stream)
    stream.until(lambda: not executors_of(stream, pod), "the garbage collector has removed its executors")


def test_an_evicted_pod_is_replaced(stream: Stream, table: Table) -> None:
    before, pod = stream.attempt, stream.pod
    with table.row("evicted by its node", stream) as row:
        (node := stream.node_of(pod)).evict(pod)
        said(stream, row, "down")
        stream.until_landed(before)
    assert (node.told[pod]["phase"], node.told[pod]["reason"]) == ("Failed", "Evicted")
    only_one(stream)


def test_a_drained_node_waits_for_a_disruption_budget(stream: Stream, table: Table) -> None:
    """The API server refuses to evict a pod that a budget protects. Without it the driver moves to another node."""
    before, pod = stream.attempt, stream.pod
    node = stream.node_of(pod)
    drain = ("drain", node.name, "--force", "--ignore-daemonsets", "--delete-emptydir-data")
    with table.row("kubectl drain of its node", stream) as row:
        budget(stream)
        refused = stream.plane.kubectl(*drain, "--timeout=10s", check=False)
        assert "Cannot evict pod as it would violate the pod's disruption budget" in refused
        landed = stream.landed[0]
        stream.until(lambda: stream.landed[0] > landed, "the driver lands on")
        assert stream.attempt == before and stream.node_of(pod) is node
        stream.plane.kubectl("delete", "poddisruptionbudget", "drivers", "-n", TENANT)
        stream.plane.kubectl(*drain, "--timeout=90s")
        said(stream, row, "down")
        stream.until_landed(before)
    assert stream.node_of(stream.pod) is not node
    stream.plane.kubectl("uncordon", node.name)
    only_one(stream)


def test_an_api_server_that_is_away_is_no_news_of_the_driver(stream: Stream, table: Table) -> None:
    before, (batch, _) = stream.attempt, stream.landed
    with table.row(f"API server away for {AWAY_S:.0f} s", stream) as row:
        stream.plane.api.stop("SIGKILL")
        try:
            stream.until(lambda: stream.report.evidence.get("driver") == "unknown", "the state of the driver is unknown")
            row.said_s = time.monotonic() - row.began
            stream.until(lambda: time.monotonic() - row.began > AWAY_S, "it is away for long enough", AWAY_S + 60)
            seen = [one.report for one in stream.seen if one.at > row.began]
            row.said = f"{stream.report.verdict}, driver {stream.report.evidence['driver']}"
            assert stream.attempt == before and all(report.act == "none" for report in seen), stream.story()
            assert stream.report.verdict in ("ok", "catching_up"), "counts go on without the API server"
        finally:
            stream.plane.api.start()
        stream.until(lambda: stream.report.evidence.get("driver") == "running", "the driver is seen again")
        landed = stream.landed[0]
        stream.until(lambda: stream.landed[0] > max(landed, batch), "a batch lands")
    assert stream.attempt == before and stream.drivers() == [stream.pod]


def test_a_quota_that_refuses_the_driver_is_named(stream: Stream, table: Table) -> None:
    before, pod = stream.attempt, stream.pod
    with table.row("quota: no room for a driver", stream) as row:
        quota(stream, "pods", "0")
        os.kill(stream.node_of(pod).containers[pod].main, signal.SIGKILL)
        said(stream, row, "down", "crash_looping", words="exceeded quota: tenant")
        stream.plane.kubectl("delete", "quota", "tenant", "-n", TENANT)
        stream.until_landed(before)
    only_one(stream)


def test_a_quota_that_refuses_the_executors_is_named(stream: Stream, table: Table) -> None:
    before = stream.attempt
    with table.row("quota: room for the driver alone", stream) as row:
        pod = stream.pod
        quota(stream, "pods", "1")
        stream.plane.kubectl("delete", "pod", pod, "-n", TENANT, "--wait=false")
        said(stream, row, "starting", "stalled", words="it has no executor pods; the namespace has a quota")
        stream.plane.kubectl("delete", "quota", "tenant", "-n", TENANT)
        stream.until_landed(before)
    only_one(stream)


@pytest.mark.parametrize(
    ("fault", "conf", "words"),
    [
        ("image that cannot be pulled", {"spark.kubernetes.container.image": "missing:1"}, "ImagePull"),
        ("driver larger than any node", {"spark.kubernetes.driver.request.cores": "64"}, "Unschedulable: 0/2 nodes are available"),
        (
            "claim that is not there",
            {"spark.kubernetes.driver.volumes.persistentVolumeClaim.state.options.claimName": "none"},
            'Unschedulable: 0/2 nodes are available: persistentvolumeclaim "none" not found',
        ),
    ],
)
def test_a_pod_that_does_not_start_says_why(stream: Stream, table: Table, fault: str, conf: dict[str, str], words: str) -> None:
    with table.row(fault, stream) as row:
        before = stream.change_spec(conf)
        attempt = stream.deploy(fault)
        said(stream, row, "starting", "stalled", words=words)
        assert stream.until(lambda: words in str(stream.report.evidence.get("waits_for")), "it is seen, too")
        assert stream.report.evidence["driver"] == "submitted"
        assert words in weir(stream, "health", JOB).stdout
        stream.change_spec(before)
        stream.deploy("corrected")
        stream.until_landed(attempt)
    only_one(stream)


def test_a_node_that_lost_its_power_is_replaced(stream: Stream, table: Table) -> None:
    before, pod = stream.attempt, stream.pod
    node = stream.node_of(pod)
    with table.row("node without power", stream) as row:
        node.power_off()
        said(stream, row, "down", "stalled")
        stream.until_landed(before)
    assert stream.node_of(stream.pod) is not node
    come_back(stream, node)
    only_one(stream)


def test_a_driver_on_a_node_that_was_cut_off_is_fenced(stream: Stream, table: Table) -> None:
    """It runs on and lands: that is no fault. When the cluster gives the node up, another driver takes over, and the first one ends."""
    before, pod = stream.attempt, stream.pod
    node = stream.node_of(pod)
    with table.row("node cut off, then removed", stream) as row:
        node.cut_off()
        stream.until(lambda: stream.describe(pod)["metadata"].get("deletionTimestamp"), "the controller manager evicts the pod")
        landed = stream.landed[0]
        stream.until(lambda: stream.landed[0] > landed, "its driver lands on")
        assert stream.attempt == before and stream.report.evidence["driver"] == "running", "terminating is not ended"
        stream.plane.kubectl("delete", "node", node.name)
        said(stream, row, "down", words="lost")
        stream.until_landed(before)
        stream.until(lambda: pod not in node.containers, "the superseded driver ends by itself")
    come_back(stream, node)
    only_one(stream)


def test_tenants_cannot_touch_each_other(stream: Stream, table: Table) -> None:
    """The other tenant's account may neither see nor end this tenant's driver; to its Weir the driver is unknown, with the reason."""
    driver = f"{TENANT}:{stream.pod}"
    theirs = tenants.token(stream.plane, OTHER)

    def submit(submission: Submission) -> str:
        raise NotRunning("not in this test")

    with table.row("another tenant's account", stream) as row:
        cluster = KubernetesCluster(stream.plane.url, submit, lambda: theirs, str(stream.plane.ca), timeout_s=30.0)
        assert cluster.state(driver) is DriverState.UNKNOWN and cluster.states_of([driver]) == {driver: DriverState.UNKNOWN}
        row.said = f"unknown: {cluster.refusal()}"
        assert f'"system:serviceaccount:{OTHER}:weir" cannot get resource "pods"' in row.said
        cluster.kill(driver)
        assert cluster.ending(driver) == ""
        assert not stream.describe(stream.pod)["metadata"].get("deletionTimestamp")


def test_an_account_without_a_right_says_which(stream: Stream, table: Table) -> None:
    """Since Spark 4.2 a submission needs networkpolicies, too."""
    from weir.airflow.spark_submit import SparkSubmit

    before = stream.attempt
    with table.row("account without the right networkpolicies", stream) as row:
        tenants.create(stream.plane, TENANT, without="networkpolicies")
        try:
            driver = Submission(f"weir:{JOB}:9", "/nothing.py", [], {"spark.kubernetes.container.image": IMAGE}, {})
            with pytest.raises(NotRunning, match='cannot patch resource "networkpolicies"') as refused:
                SparkSubmit("spark_default", budget_s=600)(driver)
        finally:
            tenants.create(stream.plane, TENANT)
        row.said = refused.value.what[:200]
        assert not isinstance(refused.value, NotTaken) or not executors_of(stream, "nothing")
    assert stream.attempt == before


def weir(stream: Stream, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as an operator does."""
    return subprocess.run([Path(sys.executable).with_name("weir"), *args], capture_output=True, text=True, timeout=600, check=False)


def only_one(stream: Stream) -> None:
    """Wait until the newest driver is the only one whose process runs."""
    stream.until(lambda: stream.drivers() == [stream.pod], f"one driver runs: {CONTAINER}")


def executors_of(stream: Stream, pod: str) -> list[str]:
    """Return the pods that a driver's pod owns."""
    pods = json.loads(stream.plane.kubectl("get", "pods", "-n", TENANT, "-o", "json"))["items"]
    return [each["metadata"]["name"] for each in pods if any(o["name"] == pod for o in each["metadata"].get("ownerReferences", []))]


def quota(stream: Stream, resource: str, most: str) -> None:
    """Set the tenant's quota, and wait until the controller manager has counted what is used: admission does not know it before."""
    meta = {"name": "tenant", "namespace": TENANT}
    stream.plane.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {resource: most}}})
    used = ("get", "quota", "tenant", "-n", TENANT, "-o", f"jsonpath={{.status.used.{resource}}}")
    stream.until(lambda: stream.plane.kubectl(*used), "the quota's use is counted")


def budget(stream: Stream) -> None:
    """Create a disruption budget by which one driver must keep running, and wait until the controller manager has counted the driver."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"spark-role": "driver"}}}
    meta = {"name": "drivers", "namespace": TENANT}
    stream.plane.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    healthy = ("get", "pdb", "drivers", "-n", TENANT, "-o", "jsonpath={.status.currentHealthy}")
    stream.until(lambda: stream.plane.kubectl(*healthy) == "1", "the budget counts the driver")


def come_back(stream: Stream, node: Node) -> None:
    """Register the node again, and wait until the scheduler may use it."""
    node.come_back()
    stream.until(lambda: "NotReady" not in stream.plane.kubectl("get", "nodes"), "both nodes are ready")
