"""Kubernetes and YARN: the exact command lines, as golden files (REBUILD_GOLDEN=1 writes them anew), and how their answers are read."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.apache.spark.hooks import spark_submit
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

from weir.cluster.records import DriverState, Submission
from weir.errors import NotRunning, Prerequisite
from weir.operators.spark_submit import SparkSubmitCluster, hook_for

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


class ApiException(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class FakeKubernetes:
    """As much of the provider's Kubernetes client as is used."""

    ApiException = ApiException

    def __init__(self, phase: str | int) -> None:
        self.phase, self.deleted = phase, list[tuple[str, str]]()

    def get_kube_client(self) -> FakeKubernetes:
        return self

    def read_namespaced_pod(self, pod: str, namespace: str) -> Any:
        if isinstance(self.phase, int):
            raise ApiException(self.phase)
        return SimpleNamespace(status=SimpleNamespace(phase=self.phase))

    def delete_namespaced_pod(self, pod: str, namespace: str) -> None:
        self.deleted.append((namespace, pod))


@pytest.fixture(params=list(CONNECTIONS))
def manager(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    use(request.param, monkeypatch)
    return str(request.param)


def use(name: str, monkeypatch: pytest.MonkeyPatch, phase: str | int = "Running") -> FakeKubernetes:
    fake = FakeKubernetes(phase)
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_TEST", CONNECTIONS[name])
    monkeypatch.setattr(spark_submit, "kube_client", fake, raising=False)
    return fake


def test_the_command_line_is_exactly_this(manager: str) -> None:
    command = hook_for(DRIVER, "spark_test")._build_spark_submit_command(DRIVER.application)
    text = "\n".join(command) + "\n"
    golden = GOLDEN / f"{manager}.txt"
    if os.environ.get("REBUILD_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_submission_is_known_by_what_the_cluster_calls_it(manager: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {
        "yarn": "INFO Client: Submitted application application_1700000000000_0042",
        "kubernetes": "INFO LoggingPodStatusWatcherImpl: submission ID spark:weir-error-counts-3-0a1b-driver",
    }
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=[lines[manager]], wait=lambda: 0))
    known = {"yarn": "application_1700000000000_0042", "kubernetes": "streams:weir-error-counts-3-0a1b-driver"}
    assert SparkSubmitCluster("spark_test").submit(DRIVER) == known[manager]


def test_a_refused_submission_says_why(manager: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_submit.subprocess, "Popen", lambda *a, **k: SimpleNamespace(stdout=["no such queue"], wait=lambda: 1))
    with pytest.raises(NotRunning, match=r"weir:error_counts:3 failed(?s:.*)no such queue"):
        SparkSubmitCluster("spark_test").submit(DRIVER)


@pytest.mark.parametrize(
    ("phase", "state"),
    [("Pending", "submitted"), ("Running", "running"), ("Succeeded", "finished"), ("Failed", "failed"), (404, "killed"), (500, "unknown")],
)
def test_the_state_of_a_pod(phase: str | int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = use("kubernetes", monkeypatch, phase)
    cluster = SparkSubmitCluster("spark_test")
    assert cluster.state("streams:pod-driver") == DriverState(state)
    cluster.kill("streams:pod-driver")
    assert fake.deleted == [("streams", "pod-driver")]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (("ACCEPTED", "UNDEFINED"), "submitted"),
        (("RUNNING", "UNDEFINED"), "running"),
        (("FINISHED", "SUCCEEDED"), "finished"),
        (("FINISHED", "FAILED"), "failed"),
        (("KILLED", "KILLED"), "failed"),
        (RuntimeError("the resource manager is away"), "unknown"),
    ],
)
def test_the_state_of_a_yarn_application(answer: Any, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use("yarn", monkeypatch)

    def query(hook: SparkSubmitHook, application: str) -> tuple[str, str, str]:
        if isinstance(answer, Exception):
            raise answer
        return (*answer, "")

    monkeypatch.setattr(SparkSubmitHook, "_query_yarn_application_status", query)
    assert SparkSubmitCluster("spark_test").state("application_1_1") == DriverState(state)


def test_kubernetes_without_its_package_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use("kubernetes", monkeypatch)
    monkeypatch.delattr(spark_submit, "kube_client")
    with pytest.raises(Prerequisite, match="apache-airflow-providers-cncf-kubernetes"):
        SparkSubmitCluster("spark_test").submit(DRIVER)
