"""Which processes the drill takes for drivers of the job."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from drill import steady
from drill.stage import JOB
from weir.ports.standbys import StandbyRow
from weir.testing import MemoryStore


def test_a_standby_is_no_driver_until_it_is_called_up(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    store.put_standby(JOB, StandbyRow("17-waits", "v1", 17, "driver-17"))
    store.put_standby(JOB, StandbyRow("16-called", "v1", 16, "driver-16"))
    store.call_up(JOB, "16-called", 4, "{}")
    stage: Any = SimpleNamespace(home="", manager=SimpleNamespace(store=store))
    assert steady._waiting(stage) == {"17-waits", "driver-17"}
    with ExitStack() as ends:
        found = []
        for text in ('{"standby":"17-waits"}', '{"standby":"16-called"}', '{"standby":""}'):
            command = [sys.executable, "-c", "print(flush=True); input()", f"/code/{JOB}/job.py", text]
            process = ends.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            assert process.stdout and process.stdout.readline()  # it runs: before that it has not yet its own command line
            found.append(psutil.Process(process.pid))
        monkeypatch.setattr(steady, "descendants_of", lambda home: found)
        assert steady.of_driver(stage) == found[1:]


def test_a_rehearsal_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    stage: Any = SimpleNamespace(home="", manager=SimpleNamespace(store=MemoryStore()))
    driver = [sys.executable, "-c", "print(flush=True); input()", f"/code/{JOB}/job.py"]
    with ExitStack() as ends:
        found = []
        for command in (driver, [sys.executable, "-c", f"import subprocess; subprocess.run({driver})", steady.REHEARSAL]):
            process = ends.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            assert process.stdout and process.stdout.readline()
            found.append(psutil.Process(process.pid))
        (rehearsed,) = found[1].children()
        monkeypatch.setattr(steady, "descendants_of", lambda home: [*found, rehearsed])
        assert steady.of_driver(stage) == found[:1]
