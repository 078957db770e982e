"""Commands do not talk to another stack at the ports of one that is stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Weir
from weir.local.process import Child
from weir.local.state import SUPERVISOR, Record, StateFile


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a stack that is stopped."""
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    (tmp_path / "stack.json").write_text(json.dumps({"ports": {"kafka": 1}, "kafka": "127.0.0.1:1", "cassandra_port": 1}))
    return tmp_path


@pytest.mark.parametrize("command", [("counts",), ("jobs",), ("migrate",), ("ingest", __file__)])
def test_a_stopped_stack_is_said_to_be_stopped(weir: Weir, stopped: Path, command: tuple[str, ...]) -> None:
    code, _, err = weir(*command)
    assert (code, err) == (1, f"WEIR-201: The stack in {stopped} is not running. Start it: weir up\n")


def test_a_stack_whose_supervisor_runs_is_asked(weir: Weir, stopped: Path) -> None:
    own = Child.of_this_process()
    StateFile(stopped).put(SUPERVISOR, Record(pid=own.pid, created=own.created))
    assert "is not running. Start it" not in weir("migrate", "--grants", "a,b")[2]
