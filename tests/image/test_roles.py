"""Each role of the image, started in a container with a read-only root, no capability and no way to new ones."""

from __future__ import annotations

import json
import time

import pytest

from tests.image.conftest import HARDENED, IMAGE, Start, docker, health, is_healthy, run, until

PARTS = (
    "api_fastapi.main",
    "jobs.scheduler_job_runner",
    "jobs.triggerer_job_runner",
    "dag_processing.manager",
    "sdk.execution_time.task_runner",
)
# An Airflow without servers: enough for one process to come up.
SQLITE = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////tmp/airflow.db", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
JOB = """
from operator import add
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("SUM", spark.sparkContext.parallelize(range(1000), 4).reduce(add), spark.range(10).count())
spark.stop()
"""
WORKER = "org.apache.spark.deploy.worker.Worker"
SUBMIT = ("spark-submit", "--conf", "spark.ui.enabled=false", "--driver-memory", "512m")


def test_weir_answers() -> None:
    assert "Usage: weir" in run("weir", "-h")


def test_the_doctor_looks_at_everything_and_finds_no_bug() -> None:
    said = docker("run", "--rm", *HARDENED, IMAGE, "weir", "doctor", check=False)
    assert "Kafka" in said
    assert "WEIR-000" not in said
    assert "Read-only file system" not in said


def test_airflow_answers() -> None:
    assert run("airflow", "version").strip().splitlines()[-1] == "3.3.2"


@pytest.mark.parametrize("part", PARTS)
def test_what_each_airflow_process_runs_is_there(part: str) -> None:
    run("python", "-c", f"import airflow.{part}")


def test_what_was_left_out_of_libraries_is_not_needed() -> None:
    airflow = "airflow.providers.cncf.kubernetes.hooks.kubernetes, airflow.providers.apache.spark.hooks.spark_submit"
    script = f"import pyarrow.dataset, pyarrow.parquet, zstandard, {airflow}; print(zstandard.backend)"
    assert run("python", "-c", script).strip().splitlines()[-1] == "cext"


def test_the_dags_parse() -> None:
    script = "airflow db migrate >/dev/null 2>&1; airflow dags list-import-errors --output json 2>/dev/null | tail -n 1"
    variables = [word for name, value in SQLITE.items() for word in ("--env", f"{name}={value}")]
    dags = ("--env", "AIRFLOW__CORE__DAGS_FOLDER=/weir/dags", "--env", "AIRFLOW__CORE__PLUGINS_FOLDER=/weir/plugins")
    assert run("sh", "-c", script, options=(*HARDENED, *variables, *dags)).strip() in ("No data found", "[]")


def test_master_and_worker_run_a_job_submitted_over_rest(start: Start) -> None:
    """The health checks follow: the worker is healthy only while its master lists it."""
    memory = {"SPARK_DAEMON_MEMORY": "192m"}
    rest = "-Dspark.master.rest.enabled=true -Dspark.master.rest.host=master"
    master = start(
        "master", "spark-class", "org.apache.spark.deploy.master.Master", "--host", "master", env={**memory, "SPARK_DAEMON_JAVA_OPTS": rest}
    )
    worker = start(
        "worker", "spark-class", WORKER, "--cores", "2", "--memory", "2g", "--work-dir", "/tmp/work", "spark://master:7077", env=memory
    )
    for container in (master, worker):
        until(lambda it=container: is_healthy(it), f"healthy; said: {health(container)}")
    docker("exec", worker, "python", "-c", f"open('/tmp/job.py', 'w').write({JOB!r})")
    arguments = "--master spark://master:7077 --deploy-mode client --name sum --conf spark.executor.memory=512m --conf spark.cores.max=1"
    request = {
        "action": "CreateSubmissionRequest",
        "clientSparkVersion": "4.2.0",
        "mainClass": "org.apache.spark.deploy.SparkSubmit",
        "appResource": "",
        "appArgs": [*arguments.split(), "/tmp/job.py"],
        "environmentVariables": {},
        "sparkProperties": {
            "spark.app.name": "sum", "spark.master": "spark://master:7077", "spark.submit.deployMode": "cluster",
            "spark.driver.memory": "512m", "spark.driver.cores": "1",
        },
    }  # fmt: skip
    ask = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], *(it.encode() for it in sys.argv[2:])).read().decode())"
    base = "http://master:6066/v1/submissions"
    driver = json.loads(docker("exec", worker, "python", "-c", ask, f"{base}/create", json.dumps(request)))["submissionId"]

    def state() -> str:
        return str(json.loads(docker("exec", worker, "python", "-c", ask, f"{base}/status/{driver}"))["driverState"])

    until(lambda: state() not in ("SUBMITTED", "RUNNING", "RELAUNCHING"), "the driver ends")
    outputs = docker("exec", worker, "sh", "-c", f"cat /tmp/work/{driver}/stdout; tail -n 20 /tmp/work/{driver}/stderr")
    assert (state(), outputs.splitlines()[0]) == ("FINISHED", "SUM 499500 10"), outputs

    docker("kill", master)
    until(lambda: not is_healthy(worker), "the worker without a master is unhealthy")


@pytest.mark.parametrize(
    ("command", "env"),
    (
        (("airflow", "api-server", "--workers", "1"), SQLITE),
        (("airflow", "scheduler"), SQLITE),
        (("airflow", "triggerer"), SQLITE),
        (("airflow", "dag-processor"), SQLITE),
        (("weir", "serve"), {}),
    ),
)
def test_the_health_check_sees_the_role_at_work(start: Start, command: tuple[str, ...], env: dict[str, str]) -> None:
    if command[0] == "airflow":
        command = ("sh", "-c", f"airflow db migrate && exec {' '.join(command)}")
    container = start("role", *command, env=env)
    until(lambda: is_healthy(container), f"healthy: {command}")


def test_the_health_check_sees_that_the_database_is_gone(start: Start) -> None:
    container = start("role", "sh", "-c", "airflow db migrate && exec airflow triggerer", env=SQLITE)
    until(lambda: is_healthy(container), "healthy")
    docker("exec", container, "sh", "-c", "rm /tmp/airflow.db")
    until(lambda: not is_healthy(container), "unhealthy")


def test_a_container_without_a_role_is_not_called_healthy(start: Start) -> None:
    container = start("role", "sleep", "600")
    until(lambda: health(container), "the first health check")
    assert not is_healthy(container)
    assert health(container).startswith("unknown: no check for")


def test_it_ends_at_once_when_told(start: Start) -> None:
    container = start("role", "weir", "serve")
    until(lambda: is_healthy(container), "healthy")
    began = time.monotonic()
    docker("stop", "--time", "60", container)
    assert time.monotonic() - began < 30, "SIGTERM did not reach the command"


def test_it_runs_a_driver_of_kubernetes() -> None:
    driver = "bash /weir/bin/entrypoint.sh driver --master 'local[1]' --driver-memory 512m /tmp/job.py"
    script = f"printf '%s' '{JOB}' > /tmp/job.py && exec {driver}"
    said = run("sh", "-c", script, options=(*HARDENED, "--env", "SPARK_DRIVER_BIND_ADDRESS=127.0.0.1"))
    assert "SUM 499500 10" in said


def test_it_runs_an_executor_of_kubernetes() -> None:
    """There is no driver to register with: that it looked for one at the given address shows that class path and arguments are right."""
    variables = {
        "SPARK_EXECUTOR_MEMORY": "256m", "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@127.0.0.1:7078", "SPARK_EXECUTOR_ID": "1",
        "SPARK_EXECUTOR_CORES": "1", "SPARK_APPLICATION_ID": "app-1", "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
        "SPARK_RESOURCE_PROFILE_ID": "0",
        "SPARK_EXECUTOR_POD_NAME": "pod-1", "SPARK_JAVA_OPT_0": "-Dweir.seen=yes",
    }  # fmt: skip
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    command = ("timeout", "120", "bash", "/weir/bin/entrypoint.sh", "executor")  # it may go on trying
    said = docker("run", "--rm", *HARDENED, *options, IMAGE, *command, check=False)
    assert "KubernetesExecutorBackend" in said
    assert "127.0.0.1:7078" in said
