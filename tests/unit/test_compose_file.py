"""docker-compose.yml against the embedded stack, the lock files and the rules of the house. `make test-compose` starts it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from weir.local import airflow, cassandra, history, jars, kafka, postgres, spark
from weir.local.part import Stack
from weir.setting_rules import RULES
from weir.settings import Settings

TEXT = (PROJECT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ENV = dict(line.split("=", 1) for line in (PROJECT / ".env").read_text().splitlines() if "=" in line and not line.startswith("#"))
ONE_SHOT = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
# Their images write their configuration into their own root file system when they start.
WRITES_ITS_ROOT = {"kafka", "cassandra"}
EVENT_LOGS = "/var/lib/weir/event-logs"
each = pytest.mark.parametrize("name", SERVICES)
lasting = pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT))


def filled(text: str, **chosen: str) -> str:
    """Return a value as Compose reads it: variables replaced by those of .env, or by the `chosen` ones."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: {**ENV, **chosen}[found[1]], text)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    names = ("kafka", "kafka_driver", "kafka_controller", "airflow", "spark_rest", "spark_master_ui", "spark_master", "postgres")
    ports = dict.fromkeys(names, 1)
    secrets = dict.fromkeys(("airflow_fernet", "airflow_api", "airflow_jwt", "airflow_admin", "postgres"), "x")
    return Stack(tmp_path, ports, secrets)


@each
def test_a_service_has_limits_rotated_logs_and_no_more_rights_than_its_image_needs(name: str) -> None:
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) is (name not in WRITES_ITS_ROOT)
    assert "privileged" not in service


@lasting
def test_a_lasting_service_is_restarted_and_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    check = SERVICES[name]["healthcheck"]
    assert check.get("disable") or {"test", "interval", "timeout", "retries"} <= check.keys()


def test_what_ends_and_what_nothing_waits_for_has_no_health_check() -> None:
    disabled = {name for name, service in SERVICES.items() if service.get("healthcheck", {}).get("disable")}
    assert disabled == ONE_SHOT | {"housekeeping", "live-sample"}


@each
def test_a_service_waits_for_one_shots_to_end_and_for_servers_to_be_healthy(name: str) -> None:
    for needed, asked in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
        assert asked["condition"] == expected, needed


@each
def test_ports_are_published_on_loopback_only_and_come_from_env(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT\}:\d+", port), port


@each
def test_networks_and_volumes_are_declared(name: str) -> None:
    service = SERVICES[name]
    assert service.get("network_mode") == "none" or set(service["networks"]) <= FILE["networks"].keys()
    for volume in service.get("volumes", []):
        source, target, *_ = volume.split(":")
        assert target.startswith("/")
        assert (PROJECT / source).exists() if source.startswith(".") else source in FILE["volumes"], volume


def test_drivers_reach_neither_airflow_nor_its_database_nor_monitoring() -> None:
    """What listens in the workers' network. The scheduler and the triggerer are in it, too, and listen nowhere."""
    assert set(SERVICES["spark-worker"]["networks"]) == {"streams"}
    assert FILE["networks"]["streams"]["internal"] is True
    members = {name for name, service in SERVICES.items() if "streams" in service.get("networks", [])}
    silent = {"airflow-scheduler", "airflow-triggerer", "weir", "first-counts"}
    assert members == {"kafka", "cassandra", "spark-master", "spark-worker"} | silent
    for name in ("airflow-scheduler", "airflow-triggerer"):
        assert "--skip-serve-logs" in SERVICES[name]["command"]


def test_a_secret_is_mounted_where_it_is_read_and_nowhere_else() -> None:
    readers = {
        volume: {name for name, service in SERVICES.items() for one in service.get("volumes", []) if one.startswith(f"{volume}:")}
        for volume in FILE["volumes"] if volume.endswith("-secrets")
    }  # fmt: skip
    of_airflow = {name for name in SERVICES if name.startswith("airflow-")} | {"housekeeping", "init"}
    assert readers == {"airflow-secrets": of_airflow, "postgres-secrets": {"postgres", "init"}, "grafana-secrets": {"grafana", "init"}}


def test_no_secret_is_in_the_environment() -> None:
    for name, service in SERVICES.items():
        for variable in service.get("environment", {}):
            assert not re.search(r"PASSWORD|SECRET|TOKEN|FERNET", variable) or variable.endswith(("_FILE", "_CMD")), (name, variable)


def test_what_sends_files_has_a_host_name_that_stays() -> None:
    """`--resume` in another container sent 1,365 lines twice."""
    assert {SERVICES[name].get("hostname") for name in ("weir", "first-counts")} == {"weir"}


@each
def test_every_setting_of_weir_is_one(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if variable.startswith("WEIR_"):
            RULES[variable.removeprefix("WEIR_").lower()](filled(value))


def test_every_variable_is_in_env_and_every_one_of_env_is_used() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)\}", TEXT))
    assert used == ENV.keys() - {"COMPOSE_PROJECT_NAME"}


def test_no_image_has_its_version_here() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\S+:\$\{[A-Z]+_VERSION\}", service["image"]), name


def locked(name: str, artifact: str) -> str:
    return next(jar.coordinate.split(":")[2] for jar in jars.locked(name) if jar.coordinate.split(":")[1] == artifact)


def pinned(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert found
    return found[1]


def test_the_versions_are_those_of_the_lock_files() -> None:
    assert ENV["KAFKA_VERSION"] == locked("kafka", "kafka_2.13")
    assert ENV["CASSANDRA_VERSION"] == locked("cassandra", "cassandra-all")
    assert f"pginstall{ENV['POSTGRES_VERSION']}" in str(postgres.binary("postgres"))
    assert f'version = "{ENV["WEIR_VERSION"]}"' in (PROJECT / "pyproject.toml").read_text()
    said = (PROJECT / ".env").read_text()
    assert f"Spark {pinned('pyspark')} and Airflow {pinned('apache-airflow-core')}" in said


def test_airflow_is_set_as_in_the_embedded_stack(stack: Stack) -> None:
    places = {
        "DATABASE__SQL_ALCHEMY_CONN", "CORE__FERNET_KEY", "API__SECRET_KEY", "API_AUTH__JWT_SECRET",  # from secrets
        "CORE__DAGS_FOLDER", "CORE__PLUGINS_FOLDER", "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", "CORE__EXECUTION_API_SERVER_URL",
        "API__HOST", "API__PORT", "API__BASE_URL", "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
        "METRICS__OTEL_ON", "TRACES__OTEL_ON",
    }  # fmt: skip
    embedded = {name: str(value) for name, value in airflow._settings(stack).items() if name not in places}
    here = SERVICES["airflow-scheduler"]["environment"]
    assert {name: here.get(f"AIRFLOW__{name}") for name in embedded} == embedded


def test_kafka_is_set_as_in_the_embedded_stack(stack: Stack) -> None:
    places = {"controller.quorum.voters", "listeners", "advertised.listeners", "listener.security.protocol.map", "log.dirs"}
    embedded = {name: str(value) for name, value in kafka._properties(stack).items() if name not in places}
    here = SERVICES["kafka"]["environment"]
    assert {name: here.get(f"KAFKA_{name.upper().replace('.', '_')}") for name in embedded} == embedded


def test_postgres_is_set_as_in_the_embedded_stack() -> None:
    places = ("listen_addresses", "unix_socket_directories")
    embedded = {f"-c {name}={value}" for name, value in postgres.SETTINGS.items() if name not in places}
    assert {option for option in embedded if option not in SERVICES["postgres"]["command"]} == set()


def test_cassandra_keeps_what_it_acknowledged_as_in_the_embedded_stack(tmp_path: Path) -> None:
    embedded = cassandra._settings(Stack(tmp_path, {"cassandra_storage": 1, "cassandra": 2}, {}))
    options = dict(re.findall(r"-Dcassandra\.settings\.(\w+)=(\S+)", SERVICES["cassandra"]["environment"]["JVM_EXTRA_OPTS"]))
    assert options.pop("commitlog_sync_period") == "0ms"  # the image's file has one, beside which `batch` is refused
    assert options == {name: str(embedded[name]) for name in options}
    assert {"commitlog_sync", "paxos_variant", "write_request_timeout"} <= options.keys()


def conf(path: Path) -> dict[str, str]:
    """Return the settings of a properties file."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if line and not line.startswith("#"))


def test_spark_is_set_as_in_the_embedded_stack(tmp_path: Path) -> None:
    spark._prepare(Stack(tmp_path, {"spark_rest": 6066}, {}))
    places = {"spark.deploy.recoveryDirectory", "spark.master.rest.host"}
    embedded, here = conf(tmp_path / "spark" / "conf" / "spark-daemon.conf"), conf(PROJECT / "deploy/compose/spark-daemon.conf")
    assert {name: value for name, value in here.items() if name not in places} == {
        name: value for name, value in embedded.items() if name not in places
    }
    assert (PROJECT / "deploy/compose/log4j2.properties").read_text() == spark.LOG4J


def test_the_history_server_is_set_as_in_the_embedded_stack(tmp_path: Path) -> None:
    history._prepare(Stack(tmp_path, {"spark_history": 18080}, {}), f"file://{EVENT_LOGS}", {})
    assert conf(PROJECT / "deploy/compose/spark-history.conf") == conf(tmp_path / "spark" / "conf" / "spark-history.conf")


def test_whatever_reads_or_writes_event_logs_has_their_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service behind the profile removes what is old, so without it nothing is written."""
    assert SERVICES["spark-history"]["profiles"] == ["history"]
    assert ENV["EVENT_LOGS"] == ""
    mount = f"event-logs:{EVENT_LOGS}"
    members = {name for name, service in SERVICES.items() if mount in service.get("volumes", [])}
    submit = {name for name, service in SERVICES.items() if "bundles:/var/lib/weir/bundles" in service.get("volumes", [])}
    assert members == submit | {"spark-worker", "spark-history"}
    monkeypatch.setenv("WEIR_EVENT_LOGS", filled(SERVICES["airflow-triggerer"]["environment"]["WEIR_EVENT_LOGS"], EVENT_LOGS=EVENT_LOGS))
    assert Settings.load().event_logs == EVENT_LOGS


def test_a_worker_has_room_for_what_it_offers() -> None:
    """A driver took 0.5 GiB beyond its heap; the worker itself takes 0.4 GiB."""
    offered, limit = (int(ENV[name].removesuffix("g")) for name in ("WORKER_MEMORY", "WORKER_LIMIT"))
    assert limit >= offered + 0.5 * offered + 0.4


def test_alerts_are_grouped_and_suppressed_as_in_the_example() -> None:
    example, here = (yaml.safe_load((PROJECT / "deploy" / name / "alertmanager.yml").read_text()) for name in ("alertmanager", "compose"))
    assert here["inhibit_rules"] == example["inhibit_rules"]
    assert here["route"]["group_by"] == example["route"]["group_by"]
    assert {one["name"] for one in here["receivers"]} == {here["route"]["receiver"], *(one["receiver"] for one in here["route"]["routes"])}


def test_the_sources_that_the_development_file_mounts_are_there() -> None:
    development = yaml.safe_load((PROJECT / "docker-compose.dev.yml").read_text())
    assert development["services"].keys() <= SERVICES.keys()
    for service in development["services"].values():
        for volume in service["volumes"]:
            source, target, mode = volume.split(":")
            assert (PROJECT / source).is_dir(), source
            assert (target, mode) == (f"/weir/{source.removeprefix('./')}", "ro")


def test_weir_reads_its_settings_as_they_are_set_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES["weir-metrics"]["environment"].items():
        if variable.startswith("WEIR_"):
            monkeypatch.setenv(variable, filled(value))
    settings = Settings.load()
    assert settings.names_spark
    assert (settings.checkpoints, settings.bundles) == ("/var/lib/weir/checkpoints", "/var/lib/weir/bundles")


@pytest.mark.parametrize("files", [("docker-compose.yml",), ("docker-compose.yml", "docker-compose.dev.yml")])
@pytest.mark.parametrize("program", [("docker-compose",), ("docker", "compose")])
def test_compose_accepts_the_file(program: tuple[str, ...], files: tuple[str, ...]) -> None:
    if not shutil.which(program[0]) or subprocess.run([*program, "version"], capture_output=True, check=False).returncode:
        pytest.skip(f"no `{' '.join(program)}`: apt-get install docker-compose, or Docker's compose plugin")
    chosen = [word for file in files for word in ("-f", file)]
    done = subprocess.run([*program, *chosen, "config", "-q"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
