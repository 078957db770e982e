"""The real stack in a state folder and on ports of its own, started once as a user would: by the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import drill.generator
from drill.generator import Mix, Truth

WEIR = Path(sys.executable).with_name("weir")
JOB = "error_counts"


class Stack:
    """A running stack. `weir` runs the command as a user would and returns what it printed."""

    def __init__(self, home: Path, command: Path = WEIR, env: Mapping[str, str] = os.environ) -> None:
        self.home = home
        self.command = str(command)
        self.env = {**env, "WEIR_HOME": str(home), "WEIR_FAILPOINTS": str(home / "failpoints")}

    @property
    def jobs(self) -> Path:
        """The folder of its further jobs."""
        return self.home / "jobs"

    def run(self, *args: str, stdin: bytes | None = None, timeout: float = 600) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([self.command, *args], input=stdin, env=self.env, capture_output=True, timeout=timeout, check=False)

    def weir(self, *args: str, stdin: bytes | None = None, timeout: float = 600) -> str:
        done = self.run(*args, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"weir {' '.join(args)}: exit {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        return done.stdout.decode()

    def tells(self) -> str:
        """What somebody would look at first when a test has failed here."""
        looks = [("status",), ("health", JOB), ("ledger", JOB, "--last", "3"), ("logs", f"driver:{JOB}"), ("logs", "airflow-triggerer")]
        return "\n\n".join(f"$ weir {' '.join(look)}\n{_last(self.run(*look))}" for look in looks)

    def json(self, *args: str) -> Any:
        return json.loads(self.weir(*args, "--format", "json"))

    def ingest_in_background(self, file: Path, service: str, rate: int | None = None) -> subprocess.Popen[bytes]:
        slowly = ["--rate", str(rate)] if rate else []
        command = [self.command, "ingest", str(file), "--service", service, *slowly]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_landed(self, seconds: int = 240) -> None:
        self.weir("wait", JOB, "--lag", "0", "--timeout", f"{seconds}s", timeout=seconds + 60)

    def part(self, name: str) -> dict[str, Any]:
        """A part's row of the status, {} if it has none."""
        return next((p for p in self.json("status") if p["part"] == name), {})

    def landed(self) -> dict[str, Any]:
        """The newest landed batch."""
        return next(b for b in self.json("ledger", JOB, "--last", "2") if b["state"] == "landed")

    def kill(self, part: str) -> int:
        """kill -9 the process of a part; returns its id."""
        pid = int(self.part(part)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def counted(self, since: str, until: str, services: set[str]) -> dict[tuple[str, str, str, str], int]:
        """Stored lines by (pane start, service, level, signature)."""
        rows = self.json("counts", "--since", since, "--until", until, "--levels", "all", "--by", "service,level,signature")
        return {(r["window_start"], r["service"], r["level"], r["signature"]): r["n"] for r in rows if r["service"] in services}


def _last(done: subprocess.CompletedProcess[bytes], lines: int = 60) -> str:
    return "\n".join((done.stdout + done.stderr).decode(errors="replace").splitlines()[-lines:])


def until(condition: Callable[[], Any], what: str, seconds: float = 180) -> Any:
    """Wait for a condition and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return answer


def one_of_its_kind(name: str) -> str:
    """A service that nobody else counts, so that a test can be run again on a stack that was used before."""
    return f"{name}-{uuid4().hex[:8]}"


def generate(file: Path, seed: int, lines: int, start_ms: int, service: str, events_per_s: int = 2000) -> Truth:
    """A log of one service, and the truth about it."""
    generator = drill.generator.Generator(seed, start_ms, Mix(services=(service,), events_per_s=events_per_s))
    with file.open("wb") as out:
        for block in generator.blocks(lines):
            out.write(b"".join(line + b"\n" for _, line in block))
    return generator.truth


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`weir up`, and `weir down` at the end. WEIR_TEST_HOME names a stack that runs already and is left running; it was started with
    WEIR_JOBS=:$WEIR_TEST_HOME/jobs."""
    given = os.environ.get("WEIR_TEST_HOME")
    home = Path(given) if given else tmp_path_factory.mktemp("weir")
    stack = Stack(home, env={**os.environ, "WEIR_JOBS": f"{os.pathsep}{home / 'jobs'}"})  # Weir's own jobs, and those of tests
    if given:
        yield stack
        return
    try:
        stack.weir("up", timeout=900)
        yield stack
    finally:
        stack.run("down")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what has a stack of its own before the stack of all the others starts: two at once are slow on two cores."""
    here = [at for at, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[at] for at in here), key=lambda item: item.path.name != "test_secure.py")
    for at, item in zip(here, ordered, strict=True):
        items[at] = item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure brings along how the stack was: on a build server nobody can look afterwards."""
    report = yield
    found = getattr(item, "funcargs", {}).get("stack")
    if report.when == "call" and report.failed and isinstance(found, Stack):
        report.sections.append(("the stack", found.tells()))
    return report
