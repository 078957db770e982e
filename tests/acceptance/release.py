"""A clone with an installation and a stack of its own, in which a release is exchanged for another under all that runs."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from drill.generator import Generator, Mix

from .conftest import Stack, until
from .test_main_job import expected, iso

PROJECT = Path(__file__).resolve().parents[2]
RATE = 300  # lines per second
FOREIGN = ("PYTHON", "WEIR_", "AIRFLOW")  # what a shell has set must not reach another clone's stack
LOG = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Log what the function took: `make test-upgrade` shows it as it happens."""

    @functools.wraps(function)
    def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        begun = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            LOG.info("%s: %.0f s", function.__name__.replace("_", " "), time.monotonic() - begun)

    return timed


def git(folder: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout.strip()


def has(commit: str) -> bool:
    """Is the commit in the clone that the tests run in? A shallow clone may lack it, and an unpacked archive has none."""
    found = subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=PROJECT, capture_output=True, check=False)
    return found.returncode == 0


def under_test() -> str:
    """The commit under test; changes to its files that are not committed are part of it."""
    return git(PROJECT, "stash", "create") or git(PROJECT, "rev-parse", "HEAD")


class Clone(Stack):
    """Its `.venv` has the packages of the one that the tests run in, and the clone itself; so nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = folder / ".venv" / "bin"
        env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN) or name == "WEIR_CACHE"}
        super().__init__(folder / ".weir", self._bin / "weir", env)
        git(PROJECT, "clone", "--quiet", "--shared", "--no-checkout", str(PROJECT), str(folder))
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / ".venv")}))
        (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def check_out(self, commit: str) -> None:
        git(self.folder, "checkout", "--quiet", "--detach", commit)

    def install(self) -> None:
        """What `make install` does, without the packages."""
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self._bin / "python"),
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
        ]
        done = subprocess.run([*pip, "-e", "."], cwd=self.folder, env=self.env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        for made in (self._bin / "uv", self.folder / ".venv" / ".installed"):
            made.touch()

    @step
    def make_up(self, tries: int = 3) -> None:
        """Again, as a person would: at a load of 18 on two cores PostgreSQL ended transactions of Airflow that had waited for 15 s."""
        done = subprocess.run(["make", "up"], cwd=self.folder, env=self.env, capture_output=True, timeout=900, check=False)
        if done.returncode and tries > 1:
            LOG.warning("make up: exit %d, tried again\n%s", done.returncode, done.stderr.decode()[-2000:])
            return self.make_up(tries - 1)
        assert done.returncode == 0, f"make up: exit {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"

    def end(self) -> None:
        """Stop whatever runs, by the release that is checked out."""
        if Path(self.command).exists():
            self.run("down")

    def pids(self, *parts: str) -> dict[str, int]:
        return {each["part"]: each["pid"] for each in self.json("status") if each["part"].startswith(parts)}

    def moves_on(self, batches: int = 3, attempt: int | None = None) -> dict[str, Any]:
        """Wait until the current attempt (or the one given) has landed more batches; returns the newest."""
        first = self.landed()
        wanted = first["attempt"] if attempt is None else attempt

        def further() -> dict[str, Any] | None:
            last = self.landed()
            assert last["attempt"] <= wanted, f"attempt {last['attempt']} has taken over from attempt {wanted}"
            return last if last["attempt"] == wanted and last["batch_id"] >= first["batch_id"] + batches else None

        found: dict[str, Any] = until(further, f"attempt {wanted} has landed {batches} more batches")
        return found


class Feed:
    """Sends the lines of a service of its own from the background, until it is ended; knows what must be counted for them."""

    def __init__(self, stack: Clone, service: str, year: int) -> None:
        self._stack, self.service = stack, service
        start = int(datetime(year, 3, 1, tzinfo=UTC).timestamp() * 1000)
        self._generator = Generator(year, start, Mix(services=(service,), events_per_s=RATE, bad_share=0.01))
        self._ended = threading.Event()
        command = [stack.command, "ingest", "-", "--service", service, "--rate", str(RATE)]
        self._process = subprocess.Popen(command, env=stack.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        assert self._process.stdin
        blocks = self._generator.blocks()
        with contextlib.suppress(BrokenPipeError):  # it has ended, which `end` sees
            while not self._ended.is_set():
                self._process.stdin.write(b"".join(line + b"\n" for _, line in next(blocks)))
            self._process.stdin.close()

    def end(self) -> None:
        """Send no more, and see that the broker has all that was sent."""
        self._ended.set()
        self._thread.join(60)
        assert self._process.stdout
        told = self._process.stdout.read().decode()
        assert self._process.wait(60) == 0 and f"{self._generator.truth.lines} lines sent" in told.replace(",", ""), told

    def kill(self) -> None:
        self._ended.set()
        self._process.kill()

    @property
    def rejected(self) -> int:
        return self._generator.truth.rejected.total()

    def is_counted_exactly(self) -> None:
        truth = self._generator.truth
        panes = [pane for pane, *_ in truth.panes]
        assert self._stack.counted(iso(min(panes)), iso(max(panes) + 10_000), {self.service}) == expected(truth)
