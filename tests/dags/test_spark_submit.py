"""Kubernetes and YARN: the exact command lines, as golden files (REBUILD_GOLDEN=1 writes them anew), and what spark-submit says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from airflow.providers.apache.spark.hooks import spark_submit

from weir.airflow.spark_submit import SparkSubmit, pod_name
from weir.errors import NotRunning, NotTaken, Prerequisite
from weir.ports.cluster import Submission

GOLDEN = Path(__file__).with_name("golden")
CONNECTIONS = {
    "yarn": '{"conn_type": "spark", "host": "yarn", "extra": {"queue": "streams", "yarn_resourcemanager_webapp_address": "rm:8088"}}',
    "kubernetes": '{"conn_type": "spark", "host": "k8s://https://api", "port": 6443, "extra": {"namespace": "streams"}}',
}
DRIVER = Submission(
    name="weir:error_counts:3",
    application="/bundles/abc/spark_jobs/error_counts/job.py",
    arguments=['{"attempt":3,"job":"error_counts"}'],
    conf={"spark.sql.shuffle.partitions": "2", "spark.executor.extraJavaOptions": "-Dx=1"},
    env={"PYTHONPATH": "/bundles/abc"},
    jars=["/jars/kafka.jar", "/jars/pool.jar"],
    py_files=["/bundles/abc.zip"],
    driver_memory="768m",
    executor_memory="1g",
    executors=2,
    cores=4,
)


@pytest.fixture(params=list(CONNECTIONS))
def manager(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    use(request.param, monkeypatch)
    return str(request.param)


def use(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_TEST", CONNECTIONS[name])
    monkeypatch.setattr(spark_submit, "kube_client", SimpleNamespace(), raising=False)  # only that it is there matters
    monkeypatch.setattr("weir.airflow.spark_submit.uuid4", lambda: UUID(int=0x0A1B << 112))


def command_of(submission: Submission, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the command line with which a driver is submitted."""
    commands: list[list[str]] = []

    def popen(command: list[str], **_: object) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(stdout=["INFO Client: Submitted application application_1700000000000_0042"], wait=lambda: 0)

    monkeypatch.setattr(spark_submit.subprocess, "Popen", popen)
    SparkSubmit("spark_test")(submission)
    return commands[0]


def test_the_command_line_is_exactly_this(manager: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(command_of(DRIVER, monkeypatch)) + "\n"
    golden = GOLDEN / f"{manager}.txt"
    if os.environ.get("REBUILD_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_submission_is_known_by_what_the_cluster_calls_it(manager: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {
        "yarn": "INFO Client: Submitted application application_1700000000000_0042",
        "kubernetes": "INFO Client: Deployed Spark application weir:error_counts:3 with application ID spark-65 and submission ID "
        "streams:weir-error-counts-3-0a1b00000000-driver into Kubernetes",
    }
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=[lines[manager]], wait=lambda: 0))
    known = {"yarn": "application_1700000000000_0042", "kubernetes": "streams:weir-error-counts-3-0a1b00000000-driver"}
    assert SparkSubmit("spark_test")(DRIVER) == known[manager]


def test_a_refused_submission_says_why(manager: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=["no such queue"], wait=lambda: 1))
    with pytest.raises(NotRunning, match=r"weir:error_counts:3 failed(?s:.*)no such queue"):
        SparkSubmit("spark_test")(DRIVER)


REFUSALS = {
    "org.apache.hadoop.yarn.exceptions.YarnException: org.apache.hadoop.security.AccessControlException: User ana does not have permission "
    "to submit application_1795955946650_0001 to queue closed": "User ana does not have permission .* to queue closed",
    "org.apache.hadoop.yarn.exceptions.YarnException: Failed to submit application_1795955946650_0003 to YARN : Application "
    "application_1795955946650_0003 submitted by user ana to unknown queue: nowhere": "unknown queue: nowhere",
    "java.lang.IllegalArgumentException: Required AM memory (5120+256 MB) is above the max threshold (4096 MB) of this cluster! Please "
    "check the values of 'yarn.scheduler.maximum-allocation-mb' and/or 'yarn.nodemanager.resource.memory-mb'.": "above the max threshold",
}


@pytest.mark.parametrize("printed", REFUSALS)
def test_a_submission_that_yarn_refuses_has_no_driver(printed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Hadoop 3.5 refused them."""
    use("yarn", monkeypatch)
    lines = [f'Exception in thread "main" {printed}', "\tat org.apache.hadoop.yarn.ipc.RPCUtil.getRemoteException(RPCUtil.java:40)"]
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=lines, wait=lambda: 1))
    with pytest.raises(NotTaken, match=rf"YARN does not take weir:error_counts:3: .*{REFUSALS[printed]}") as refused:
        SparkSubmit("spark_test")(DRIVER)
    assert "RPCUtil" not in str(refused.value), "the trace helps nobody here"


def test_a_driver_that_was_submitted_is_known_whatever_happened_to_spark_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    use("yarn", monkeypatch)
    lines = ["26/11/29 12:31:58 INFO YarnClientImpl: Submitted application application_1795955456075_0001"]
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=lines, wait=lambda: 137))
    assert SparkSubmit("spark_test")(DRIVER) == "application_1795955456075_0001"


def test_a_spark_submit_that_does_not_come_back_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use("yarn", monkeypatch)
    binary = tmp_path / "spark-submit"
    binary.write_text("#!/bin/sh\necho waiting for the cluster\nexec sleep 60\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(NotRunning, match=r"weir:error_counts:3 failed(?s:.*)waiting for the cluster"):
        SparkSubmit("spark_test", budget_s=2)(DRIVER)


def test_kubernetes_without_its_package_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use("kubernetes", monkeypatch)
    monkeypatch.delattr(spark_submit, "kube_client")
    with pytest.raises(Prerequisite, match="apache-airflow-providers-cncf-kubernetes"):
        SparkSubmit("spark_test")(DRIVER)


@pytest.mark.parametrize("name", ["weir:error_counts:3", f"weir:{'long' * 30}:12", "weir:Ärger_:standby", "weir:__:1"])
def test_a_pods_name_is_one_that_kubernetes_takes_and_never_the_same(name: str) -> None:
    found = pod_name(name)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", found) and found != pod_name(name)


API = "https://localhost:6443/api/v1/namespaces/streams"
QUOTA = "exceeded quota: tenant, requested: pods=1, used: pods=1, limited: pods=1"
RIGHT = 'User "system:serviceaccount:streams:weir" cannot patch resource "networkpolicies" in API group "networking.k8s.io"'


@pytest.mark.parametrize(
    ("verb", "what", "why", "refused"),
    [
        ("POST", "pods", f'pods "weir-1-driver" is forbidden: {QUOTA}', True),
        ("PATCH", "networkpolicies/weir-1", f'networkpolicies.networking.k8s.io "weir-1" is forbidden: {RIGHT}', True),
        ("POST", "configmaps", f'configmaps "weir-1-conf-map" is forbidden: {QUOTA}', False),
    ],
)
def test_a_driver_that_kubernetes_refuses_was_not_started(
    verb: str, what: str, why: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("kubernetes", monkeypatch)
    line = (
        f"io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: {verb} at: {API}/{what}. Message: {why}. "
        "Received status: Status(apiVersion=v1, code=403, kind=Status, reason=Forbidden, status=Failure)."
    )
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=[line], wait=lambda: 1))
    with pytest.raises(NotRunning, match=re.escape(why)) as caught:
        SparkSubmit("spark_test")(DRIVER)
    assert isinstance(caught.value, NotTaken) is refused
    assert not refused or caught.value.what == f"Kubernetes does not take weir:error_counts:3: {why}."
