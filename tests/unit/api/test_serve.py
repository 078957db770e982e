"""`weir serve` and `weir token`: a real process with a real socket, over streams in memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import PROJECT
from tests.unit.api.service import BASE, JOB
from tests.unit.cli.conftest import Weir, weir
from weir.api.serve import _bound
from weir.errors import BadInput

__all__ = ["weir"]  # the fixture
SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{plugins!r}, {project!r}]
from tests.unit.api.service import Service
from weir.cli import service as command
from weir.cli import app as cli
made = Service(Path({folder!r}))
made.manager.close = lambda: None
command.connected = lambda: made.manager
print(made.tokens["ana"], flush=True)
sys.argv = ["weir", "serve", "--port", "0", "--tokens", str(made.file)]
cli.main()
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The process, its address, and the token of an editor."""
    script = SCRIPT.format(plugins=str(PROJECT / "plugins"), project=str(PROJECT), folder=str(tmp_path))
    env = {**os.environ, "WEIR_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout and process.stderr
        token, told = process.stdout.readline().strip(), process.stderr.readline()
        assert told.startswith("REST: http://127.0.0.1:"), told
        yield process, told.split()[1].removesuffix("/jobs"), token
        process.kill()


def test_it_serves_until_it_is_interrupted_and_tells_what_was_done(served: tuple[subprocess.Popen[str], str, str]) -> None:
    process, address, token = served
    headers = {"Authorization": f"Bearer {token}"}
    assert address.endswith(BASE) and httpx.get(f"{address}/jobs").status_code == 401
    answer = httpx.get(f"{address}/jobs/{JOB}", headers=headers)
    assert answer.status_code == 200 and "server" not in answer.headers and answer.headers["cache-control"] == "no-store"
    act = httpx.post(f"{address}/jobs/{JOB}/actions/hold", json={"reason": "x"}, headers={**headers, "Idempotency-Key": "k"})
    assert act.status_code == 200, act.text
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    (line,) = told.splitlines()
    assert json.loads(line) == {
        "who": "ana", "action": "hold", "job": JOB, "outcome": "done", "reason": "x", "key": "k", "status": 200, "attempt": 1
    }  # fmt: skip
    assert token not in told


def test_a_port_that_is_taken_is_told() -> None:
    with _bound("127.0.0.1", 0) as listener, pytest.raises(BadInput, match="Cannot listen on"):
        _bound("127.0.0.1", listener.getsockname()[1])


def test_tokens_are_made_and_taken_back(weir: Weir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    code, token, _ = weir("token", "ana", "--role", "editor")
    kept = (tmp_path / "tokens.json").read_text()
    assert code == 0 and len(token.strip()) == 43 and token.strip() not in kept
    assert [(one["name"], one["role"]) for one in json.loads(kept)["tokens"]] == [("ana", "editor")]
    assert weir("token", "ana", "--revoke")[2] == "The token of ana is revoked.\n"
    assert json.loads((tmp_path / "tokens.json").read_text()) == {"tokens": []}
    code, _, told = weir("token", "ana", "--role", "owner")
    assert code == 2 and told.startswith("WEIR-101: role: ")
