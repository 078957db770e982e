"""The example that ships drivers' logs, by a real rsyslog to a server that takes what Elasticsearch would."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from spark_jobs.runtime.contract import CassandraAddress, JobArguments
from spark_jobs.runtime.logs import JsonLines
from tests.unit.metrics.deployed import DEPLOY, needs

WITHIN_S = 60.0
ARGS = JobArguments("counts", 1, 1, "v1", "file:///c", "kafka", "logs", CassandraAddress(("host",)))


class Bulk(BaseHTTPRequestHandler):
    """Keeps the documents of bulk requests."""

    taken: list[Any]

    def do_POST(self) -> None:
        lines = self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines()
        assert json.loads(lines[0])["index"]["_index"] == "weir-drivers"
        self.taken += [json.loads(line) for line in lines[1::2]]
        answer = json.dumps({"errors": False, "items": [{"index": {"status": 201}} for _ in lines[1::2]]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing."""


@needs("rsyslogd", "rsyslog-elasticsearch")
def test_the_lines_of_drivers_arrive_as_objects_also_when_the_server_comes_later(tmp_path: Path) -> None:
    kind = type("Kept", (Bulk,), {"taken": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind, bind_and_activate=False)
    server.server_bind()  # whoever connects is refused until it is activated
    log, said = tmp_path / "spark/work/driver-1/stdout", tmp_path / "said"
    log.parent.mkdir(parents=True)
    told = [line(f"batch {n} landed") for n in range(3)]
    log.write_text("\n".join([told[0], "Warning: no JSON", *told[1:]]) + "\n")
    with said.open("w") as out:
        daemon = subprocess.Popen(
            ["rsyslogd", "-n", "-f", str(config(tmp_path, server.server_port)), "-i", str(tmp_path / "pid")], stderr=out
        )
    try:
        until(lambda: "connect" in said.read_text())
        server.server_activate()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        until(lambda: len(kind.taken) >= len(told))
    finally:
        daemon.terminate()
        daemon.wait(10)
        server.server_close()
    assert {document.pop("metadata")["filename"] for document in kind.taken} == {str(log)}
    assert kind.taken == [json.loads(each) for each in told]


def config(folder: Path, port: int) -> Path:
    """The example, with its folder and its server replaced as its first lines say."""
    text = (DEPLOY / "logs/rsyslog.conf").read_text().replace("/var/lib/weir", str(folder)).replace('"9200"', f'"{port}"')
    file = folder / "rsyslog.conf"
    file.write_text(f'global(workDirectory="{folder}")\n{text}')
    return file


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def line(text: str) -> str:
    return JsonLines(ARGS).format(logging.LogRecord("weir.driver", logging.INFO, "", 0, text, None, None))
