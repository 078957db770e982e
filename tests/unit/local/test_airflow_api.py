import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from weir.errors import NotRunning, StackFailed
from weir.local.airflow_api import AirflowApi

Answer = tuple[int, dict[str, object]]
TOKEN: Answer = (201, {"access_token": "t"})
STARTED: Answer = (200, {"dag_run_id": "run 1"})
AWAY: Answer = (500, {"detail": "Database error"})


@pytest.fixture
def airflow() -> Iterator[tuple[AirflowApi, list[Answer]]]:
    """An API that gives these answers, one after the other."""
    answers: list[Answer] = [TOKEN]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, body = answers.pop(0)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "secret"), answers
        server.shutdown()


def test_a_run_is_asked_for_again_after_an_answer_that_says_nothing(airflow: tuple[AirflowApi, list[Answer]]) -> None:
    api, answers = airflow
    answers += [STARTED, AWAY, (200, {"state": "running"}), (200, {"state": "success"})]
    assert api.run_dag("deploy") == "run 1"
    assert not answers


def test_a_failed_run_names_its_task(airflow: tuple[AirflowApi, list[Answer]]) -> None:
    api, answers = airflow
    tasks = {"task_instances": [{"task_id": "deploy", "state": "failed"}, {"task_id": "ready", "state": "upstream_failed"}]}
    answers += [STARTED, (200, {"state": "failed"}), (200, tasks)]
    with pytest.raises(StackFailed, match="failed in deploy"):
        api.run_dag("deploy")


def test_a_run_that_could_not_be_started_is_not_waited_for(airflow: tuple[AirflowApi, list[Answer]]) -> None:
    api, answers = airflow
    answers += [AWAY]
    with pytest.raises(NotRunning):
        api.run_dag("deploy")


def test_a_run_whose_state_is_never_told_ends_at_the_timeout(airflow: tuple[AirflowApi, list[Answer]]) -> None:
    api, answers = airflow
    answers += [STARTED, *[AWAY] * 50]
    with pytest.raises(StackFailed, match="still unknown"):
        api.run_dag("deploy", timeout=0.1)
