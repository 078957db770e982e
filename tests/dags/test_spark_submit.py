"""Kubernetes and YARN: the exact command lines, as golden files (REBUILD_GOLDEN=1 writes them anew), and what spark-submit says."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.providers.apache.spark.hooks import spark_submit

from weir.airflow.spark_submit import SparkSubmit, hook_for
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
        SparkSubmit("spark_test", budget_s=0.5)(DRIVER)


def test_kubernetes_without_its_package_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use("kubernetes", monkeypatch)
    monkeypatch.delattr(spark_submit, "kube_client")
    with pytest.raises(Prerequisite, match="apache-airflow-providers-cncf-kubernetes"):
        SparkSubmit("spark_test")(DRIVER)
