"""`make test-delivery`: the wheel in an Airflow as a user has it, with a real Kafka, Cassandra and Spark; docs/airflow.md step by step."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.conftest import until
from tests.delivery.user import UV, Image, Place, User, Venv
from tests.parts import make_topic, running_stack
from weir.ingest import ingest_file
from weir.local import cassandra, folder, jars, kafka, ports, spark
from weir.local.airflow_api import AirflowApi
from weir.settings import Settings, carried

BASE = os.environ.get("WEIR_TEST_BASE", "debian:bookworm-slim")
PASSWORD = "a-password-of-the-user"
JOB = "error_counts"
PATIENT_S = 900
SAMPLE = carried("samples") / "sample.log"
pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not os.environ.get("WEIR_TEST_DELIVERY"), reason="make test-delivery runs it"),
    pytest.mark.skipif(not UV.exists(), reason="uv is not installed beside this Python: make dev"),
]


def has_docker() -> bool:
    """Is there a Docker with the base image? It needs Debian's packages and the package index inside of a build."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "image", "inspect", BASE], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module", params=["venv", "image"])
def place(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = tmp_path_factory.mktemp(request.param) / "place"
    if request.param == "venv":
        return Venv.make(made, wheel)
    if not has_docker():
        pytest.skip(f"needs Docker and the image {BASE} (or WEIR_TEST_BASE): docker pull {BASE}")
    return Image.make(made, wheel, BASE)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The user's Kafka, Cassandra and Spark, that know nothing of Weir."""
    for name in ("kafka", "cassandra", "spark"):
        jars.class_path(name)
    stack = folder.configure(tmp_path_factory.mktemp("servers"), lambda _: None)
    with running_stack(stack, kafka.part(stack), cassandra.part(stack), spark.master(stack), spark.worker(stack)):
        yield Settings(home=str(stack.home), **folder.addresses(stack))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def user(place: Place, servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Everything that docs/airflow.md sets, but the DAG bundle."""
    shared = tmp_path_factory.mktemp("shared")
    for name in ("airflow/dags", "checkpoints", "bundles", "docs", "state"):
        (shared / name).mkdir(parents=True)
    (shared / "airflow/passwords.json").write_text(json.dumps({"admin": PASSWORD}))
    for each in (shared, *shared.rglob("*")):
        each.chmod(0o777)  # the image's user is not the one that runs the drivers
    port = ports.next_free(8080, set())
    url = f"http://127.0.0.1:{port}"
    master = servers.spark_master.removeprefix("spark://").split(":")
    rest, ui = servers.spark_rest.rpartition(":")[2], servers.spark_ui.rpartition(":")[2]
    connection = {
        "conn_type": "spark", "host": f"spark://{master[0]}", "port": int(master[1]),
        "extra": {"deploy-mode": "cluster", "rest-port": int(rest), "ui-port": int(ui)},
    }  # fmt: skip
    env = {
        "HOME": str(shared),
        "AIRFLOW_HOME": str(shared / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(shared / "airflow/passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(connection),
        "WEIR_HOME": str(shared / "state"),
        "WEIR_KAFKA": servers.kafka,
        "WEIR_DRIVER_KAFKA": servers.driver_kafka,
        "WEIR_CASSANDRA_HOSTS": servers.cassandra_hosts,
        "WEIR_CASSANDRA_PORT": str(servers.cassandra_port),
        "WEIR_CASSANDRA_DATACENTER": servers.cassandra_datacenter,
        "WEIR_SPARK_MASTER": servers.spark_master,
        "WEIR_SPARK_REST": servers.spark_rest,
        "WEIR_SPARK_UI": servers.spark_ui,
        "WEIR_AIRFLOW_URL": url,
        "WEIR_CHECKPOINTS": str(shared / "checkpoints"),
        "WEIR_BUNDLES": str(shared / "bundles"),
        "WEIR_DATA_DOCS": str(shared / "docs"),
        "WEIR_DRIVER_PYTHON": sys.executable,
    }
    return User(place, shared, env)


def test_the_wheel_changes_only_sqlalchemy_of_the_users_packages(place: Place) -> None:
    """Great Expectations is not tested on SQLAlchemy 2.1; Airflow works with both. `pip check` was asked when the place was made."""
    assert {name for name, version in place.before.items() if place.after.get(name) != version} <= {"sqlalchemy"}
    assert "weir" in place.after and "apache-airflow" in place.before


@dataclass(frozen=True)
class Running:
    user: User
    api: AirflowApi
    log: Path

    def page(self, path: str, token: str = "") -> tuple[int, str]:
        request = urllib.request.Request(self.user.env["WEIR_AIRFLOW_URL"] + path, headers={"Cookie": f"_token={token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def airflow(user: User, servers: Settings) -> Iterator[Running]:
    """`airflow standalone` with the bundle that `weir doctor` prints, the tables of `weir migrate` and a topic."""
    lines = user.doctor()
    line = next((line for line in lines if line["check"] == "DAG bundle"), None)
    assert line is not None and line["state"] == "unknown", lines
    entry = line["next"].partition("[dag_processor]: ")[2]
    own = {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}}
    knowing = user.knowing(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([own, json.loads(entry)]))
    knowing.run("weir", "migrate", "--replication", "1")
    make_topic(servers, "logs")
    knowing.run("airflow", "db", "migrate")
    with knowing.background("airflow", "standalone") as log:
        api = AirflowApi(user.env["WEIR_AIRFLOW_URL"], "admin", PASSWORD)
        until(lambda: AirflowHealth(api).is_whole(), "every part of the user's Airflow is healthy", PATIENT_S)
        yield Running(knowing, api, log)


@dataclass(frozen=True)
class AirflowHealth:
    api: AirflowApi

    def is_whole(self) -> bool:
        from weir.doctor.airflow import PARTS
        from weir.errors import WeirError

        try:
            found = self.api.call("GET", "/api/v2/monitor/health")
        except WeirError:
            return False
        return all(found[part]["status"] == "healthy" for part in PARTS)


def test_every_dag_of_the_bundle_is_read_and_none_has_an_import_error(airflow: Running) -> None:
    airflow.api.await_dag(f"{JOB}_deploy", timeout=PATIENT_S)
    wanted = {f"{JOB}_{name}" for name in ("deploy", "fold", "recount", "restart", "validate")} | {
        "weir_alerts",
        "weir_health",
        "weir_watch",
    }

    def known() -> bool:
        return wanted <= {row["dag_id"] for row in airflow.api.call("GET", "/api/v2/dags?limit=100")["dags"]}

    until(known, "Airflow lists every DAG of Weir", PATIENT_S)
    assert "No data found" in airflow.user.run("airflow", "dags", "list-import-errors")


def test_the_plugins_page_opens_for_whoever_has_logged_in(airflow: Running) -> None:
    airflow.api.call("GET", "/api/v2/version")
    status, page = airflow.page("/weir/", airflow.api._token)
    assert status == 200 and "Weir" in page and JOB in page
    status, page = airflow.page("/weir/")
    assert status != 200 or "password" in page.lower()


def test_a_deploy_counts_the_sample_and_the_doctor_finds_nothing_wrong(airflow: Running, servers: Settings) -> None:
    for dag in ("weir_watch", "weir_health", f"{JOB}_deploy"):
        airflow.api.await_dag(dag, PATIENT_S)
    airflow.api.run_dag(f"{JOB}_deploy", timeout=PATIENT_S)
    assert ingest_file(SAMPLE, "sample", servers) == len(SAMPLE.read_text().splitlines())
    airflow.user.run("weir", "wait", JOB, "--lag", "0", "--timeout", f"{PATIENT_S}s")
    proof = json.loads(airflow.user.run("weir", "recount", JOB, "--format", "json"))
    assert (proof["missing"], proof["doubled"], proof["unchecked_lines"]) == (0, 0, 0)
    lines = airflow.user.doctor()
    (airflow.user.shared / "doctor.json").write_text(json.dumps(lines, indent=1))  # to look at
    assert [line for line in lines if line["state"] == "wrong"] == []
    assert {line["check"]: line["state"] for line in lines}["DAG bundle"] == "ok"
    airflow.user.run("weir", "stop", JOB, "--reason", "the test is over")
