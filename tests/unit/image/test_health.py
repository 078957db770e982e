"""The container's health check, asked about servers that answer what Spark, Airflow and Weir answer."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.conftest import PROJECT

SPEC = importlib.util.spec_from_file_location("image_health", PROJECT / "deploy" / "image" / "health.py")
assert SPEC and SPEC.loader
health = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(health)

MASTER = "tini -- bash entrypoint.sh spark-class org.apache.spark.deploy.master.Master --host spark-master --webui-port {port}"
WORKER = "java -cp x org.apache.spark.deploy.worker.Worker --webui-port={port} spark://spark-master:7077"


class Server(ThreadingHTTPServer):
    """`answers` is path: JSON or status. Any other path is 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answer = self.server.answers.get(self.path, 404)
        body = b"" if isinstance(answer, int) else json.dumps(answer).encode()
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        thread = threading.Thread(target=started.serve_forever)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def reason(command: str, server: Server | None = None, env: Mapping[str, str] | None = None) -> str:
    """Return why the command's container is unhealthy; empty for a healthy one."""
    try:
        health.check(command.format(port=server.server_port if server else 9).split(), env or {})
    except health.Unhealthy as error:
        return str(error)
    return ""


@pytest.mark.parametrize("status", ("ALIVE", "STANDBY"))
def test_a_master_works(server: Server, status: str) -> None:
    server.answers["/json/"] = {"status": status}
    assert reason(MASTER, server) == ""


def test_a_master_that_recovers_does_not_work_yet(server: Server) -> None:
    server.answers["/json/"] = {"status": "RECOVERING"}
    assert reason(MASTER, server) == "the master is RECOVERING"


def test_no_answer_and_a_strange_one_are_told() -> None:
    assert "Connection refused" in reason(MASTER)


def test_an_answer_without_the_field_is_told(server: Server) -> None:
    server.answers["/json/"] = {"state": "ALIVE"}
    assert reason(MASTER, server) == "the answer has no 'status'"


@pytest.mark.parametrize(
    ("listed", "expected"),
    (
        ([{"id": "worker-1", "state": "ALIVE"}], ""),
        ([{"id": "worker-1", "state": "DEAD"}], "spark://m:7077 does not list it as alive"),
        ([{"id": "worker-2", "state": "ALIVE"}], "spark://m:7077 does not list it as alive"),
    ),
)
def test_a_worker_works_if_its_master_lists_it(server: Server, listed: list[Any], expected: str) -> None:
    server.answers["/json/"] = {"id": "worker-1", "masterurl": "spark://m:7077", "masterwebuiurl": server.url, "workers": listed}
    assert reason(WORKER, server) == expected


def test_a_worker_without_a_master_does_not_work(server: Server) -> None:
    server.answers["/json/"] = {"id": "worker-1", "masterurl": "", "masterwebuiurl": ""}
    assert reason(WORKER, server) == "the worker has not registered with a master"


@pytest.mark.parametrize(("status", "expected"), (("healthy", ""), ("unhealthy", "the metadata database is unhealthy")))
def test_the_api_server_works_with_its_database(server: Server, status: str, expected: str) -> None:
    server.answers["/api/v2/monitor/health"] = {"metadatabase": {"status": status}}
    assert reason("airflow api-server", server, {"AIRFLOW__API__PORT": str(server.server_port)}) == expected


def test_a_refusal_for_want_of_a_token_is_an_answer(server: Server) -> None:
    server.answers["/api/v1/jobs"] = 401
    assert reason("weir serve --host 0.0.0.0 --port {port}", server) == ""


def test_an_error_of_the_service_is_told(server: Server) -> None:
    server.answers["/api/v1/jobs"] = 500
    assert "500" in reason("weir serve --port {port}", server)


def test_the_exporter_works_if_it_has_metrics(server: Server) -> None:
    assert "404" in reason("/bin/python /weir/.venv/bin/weir metrics --port {port}", server)
    server.answers["/metrics"] = "weir_up 1"
    assert reason("/bin/python /weir/.venv/bin/weir metrics --port {port}", server) == ""


@pytest.mark.parametrize("command", ("sleep 100", "weir doctor", "airflow db migrate", "airflow celery worker", ""))
def test_a_command_without_a_check_is_unknown(command: str) -> None:
    assert reason(command).startswith("unknown: no check for")


def test_an_address_of_your_own_takes_the_place_of_the_checks(server: Server) -> None:
    env = {"WEIR_HEALTH_URL": f"{server.url}/own"}
    assert "404" in reason(MASTER, server, env)
    server.answers["/own"] = {}
    assert reason(MASTER, server, env) == ""
