"""`weir doctor` on environments that are broken in one place each: the line names it and says what to do, and the others stay."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from weir.cli.app import app
from weir.cli.doctor import text
from weir.doctor import airflow, cassandra, checks, clocks, configuration, folders, kafka, machine, network, run, spark
from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import NotRunning
from weir.jobs.spec import Resources
from weir.settings import PROJECT, Settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WEIR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WEIR_HOME", str(tmp_path / "state"))


def only(lines: list[Line], ok: bool | None = False) -> Line:
    """The one line that is not as it should be."""
    found = [line for line in lines if line.ok is ok]
    assert len(found) == 1, found
    assert found[0].next_step or found[0].told.endswith("Fix the named field.")
    return found[0]


def test_a_misspelt_variable_is_named_with_the_right_one() -> None:
    line = only(list(configuration.variables({"WEIR_CASANDRA_HOSTS": "db", "WEIR_KAFKA": "a:1", "WEIR_DEBUG": "1", "PATH": ""})))
    assert "WEIR_CASANDRA_HOSTS" in line.told and "WEIR_CASSANDRA_HOSTS" in line.next_step


def test_settings_that_cannot_be_read_are_named_and_the_machine_is_still_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_CHECKPOINTS", "chk")
    lines = checks.examine()
    assert lines[0].code == "WEIR-106" and "WEIR_CHECKPOINTS" in lines[0].told
    assert {"Python", "Java", "disk"} <= {line.check for line in lines}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (machine.python((3, 14)), "WEIR-203"),
        (machine.cores(1, embedded=True), "WEIR-203"),
        (machine.memory(2.0, embedded=True, running=False), "WEIR-203"),
        (machine.disk(Path("/"), 0.1), ""),
        (network.resolved("kafka.invalid", "WEIR_KAFKA"), "WEIR-207"),
        (cassandra.tables(["0099_x.cql"]), "WEIR-206"),
        (clocks.clock("clock of Cassandra", -40.0), ""),
        (*cassandra.copies("weir", "dc1", {"class": "NetworkTopologyStrategy", "dc1": "3"}, 1), "WEIR-214"),
        (*cassandra.copies("weir", "dc2", {"class": "NetworkTopologyStrategy", "dc1": "3"}, 3), "WEIR-214"),
        (*kafka.judged("topic x", {"message.timestamp.type": "CreateTime", "cleanup.policy": "delete"}), ""),
        (*kafka.judged("topic x", {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "compact,delete"}), ""),
        (spark.workers({"workers": [{"state": "DEAD"}]}), "WEIR-201"),
    ],
)
def test_what_is_wrong_says_what_to_do(line: Line, code: str) -> None:
    assert line.ok is False and line.next_step and line.code == code


def test_another_java_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    line = machine.java(needed=True)
    assert (line.ok, line.code) == (False, "WEIR-203") and "\n" not in line.told + line.next_step
    assert machine.java(needed=False).ok


def test_a_temporary_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    assert machine.temporary().ok is None


def test_a_folder_in_the_way_of_bundles(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = folders.folder("bundles", "WEIR_BUNDLES", tmp_path / "file" / "bundles")
    assert line.ok is False and "WEIR_BUNDLES" in line.next_step
    before = sorted(tmp_path.iterdir())
    assert folders.checkpoints(Settings(home="", checkpoints=str(tmp_path / "not yet"))).ok
    assert sorted(tmp_path.iterdir()) == before, "nothing is changed"


def test_a_state_folder_with_passwords_that_others_may_enter(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{}")
    tmp_path.chmod(0o755)
    assert "chmod 700" in only(list(configuration.state_folder(tmp_path))).next_step


def test_a_damaged_file_of_the_state_folder(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    line = only(run.lines_of("state folder", lambda: configuration.state_folder(tmp_path)))
    assert line.code == "WEIR-106" and "state.json" in line.told


def test_specs_and_rules_that_are_not_valid(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "words").mkdir(parents=True)
    (tmp_path / "jobs" / "words" / "job.yaml").write_text("name: words\noutput: nothing\n")
    (tmp_path / "words.yaml").write_text("job: other\n")
    settings = Settings(home=str(tmp_path), jobs=str(tmp_path / "jobs"), rules=str(tmp_path))
    assert only(list(configuration.jobs(settings))).check == "job words"
    assert only(list(configuration.rules(settings))).check == "alert rules of words"
    nothing = Settings(home=str(tmp_path), jobs=str(tmp_path / "none"))
    assert "WEIR_JOBS" in only(list(configuration.jobs(nothing))).next_step


def test_a_time_zone_other_than_that_of_the_machine() -> None:
    line = configuration.time_zone("error_counts", "UTC", 9 * 3600, "JST")
    assert line.ok is None and "time_zone" in line.next_step and "+9 h" in line.told
    assert configuration.time_zone("error_counts", "UTC", 0, "UTC").ok


@pytest.fixture
def served() -> Iterator[Callable[[dict[str, Any]], str]]:
    """Serve JSON by path; returns the address."""
    servers: list[HTTPServer] = []

    def serve(pages: dict[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(pages.get(self.path, {})).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_cluster_without_room(served: Callable[[dict[str, Any]], str]) -> None:
    worker = {"id": "w", "state": "ALIVE", "cores": 8, "coresused": 0, "memory": 3072, "memoryused": 3072}
    full = {"status": "ALIVE", "workers": [worker]}
    master = served({"/json/": full})
    line = only(list(spark.spark(Settings(home="/h", spark_rest=master, spark_ui=master))))
    assert line.check == "room for error_counts" and "no worker has 1 GiB free (3072 of 3072 MiB" in line.told
    for_driver = {**full, "workers": [worker | {"memoryused": 2048}]}
    assert "1 GiB free for an executor" in spark.room("other", Resources(driver_memory="1g"), for_driver).told
    running = {"status": "ALIVE", "workers": [worker], "activeapps": [{"name": "weir:error_counts:7"}]}
    master = served({"/json/": running})
    assert all(line.ok for line in spark.spark(Settings(home="/h", spark_rest=master, spark_ui=master)))


def test_a_part_of_airflow_that_is_away(served: Callable[[dict[str, Any]], str]) -> None:
    parts = {name: {"status": "healthy"} for name in airflow.PARTS} | {"triggerer": {"status": None}}
    assert only(list(airflow.health(served({"/api/v2/monitor/health": parts})))).check == "Airflow's triggerer"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert only(list(airflow.health(f"http://127.0.0.1:{free.getsockname()[1]}"))).check == "Airflow"


def test_the_entry_that_makes_an_airflow_of_ones_own_know_the_dags(tmp_path: Path) -> None:
    line = airflow.bundle({"AIRFLOW_HOME": str(tmp_path)})
    entry = line.next_step.partition("[dag_processor]: ")[2]
    assert line.ok is None and json.loads(entry)["kwargs"]["path"] == str(PROJECT / "dags")
    assert airflow.bundle({"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": f"[{entry}]", "AIRFLOW_HOME": str(tmp_path)}).ok
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "weir").symlink_to(PROJECT / "dags")
    assert airflow.bundle({"AIRFLOW_HOME": str(tmp_path)}).ok


def test_a_check_that_hangs_or_fails_hides_nothing() -> None:
    ended = threading.Event()

    def lost() -> Iterator[Line]:
        yield fine("first", "here")
        raise NotRunning("It is away.", "Start it.")

    def half() -> Iterator[Line]:
        yield fine("half", "here")
        ended.wait(30)

    def broken() -> list[Line]:
        raise KeyError("x")

    lines = run.run(
        {"hangs": lambda: [fine("hangs", "")] if ended.wait(30) else [], "half": half, "lost": lost, "broken": broken}, within_s=2
    )
    ended.set()
    assert [(line.check, line.state, line.code) for line in lines] == [
        ("hangs", "unknown", ""),
        ("half", "ok", ""),
        ("half", "unknown", ""),
        ("first", "ok", ""),
        ("lost", "wrong", "WEIR-201"),
        ("broken", "unknown", ""),
    ]


def test_the_lines_for_people_and_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [fine("Java", "version 17"), wrong("Kafka", "is away", "Start it.", "WEIR-201"), unknown("clock", "not seen")]
    assert text(lines).splitlines() == [
        "ok       Java   version 17",
        "wrong    Kafka  WEIR-201: is away",
        "                Start it.",
        "unknown  clock  not seen",
        "",
        "3 checks: 1 wrong, 1 unknown",
    ]
    monkeypatch.setattr(checks, "examine", lambda: lines)
    done = CliRunner().invoke(app, ["doctor", "--format", "json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)[1] == {"check": "Kafka", "state": "wrong", "found": "is away", "next": "Start it.", "code": "WEIR-201"}
    monkeypatch.setattr(checks, "examine", lambda: lines[:1])
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
