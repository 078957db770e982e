"""The stage of a drill: a real stack, with what a fault needs to act on it and to observe it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

import psutil

from drill.load import TOPIC
from drill.proxy import Proxy
from spark_jobs import failpoint
from spark_jobs.protocol.head import Head, State
from spark_jobs.protocol.partition import numbers
from spark_jobs.runtime.contract import pid_of
from spark_jobs.runtime.session import Session
from weir.cassandra.store import CassandraStore
from weir.counts.progress import batches
from weir.counts.rules import Rules
from weir.errors import NotRunning, TimedOut
from weir.factory import manager, source_of
from weir.local import first_counts, folder, stack
from weir.local.airflow import DAGS
from weir.local.process import descendants_of
from weir.local.report import Reporter
from weir.local.state import StateFile
from weir.ports.store import Store
from weir.settings import PROJECT, Settings, home
from weir.sources.kafka import KafkaBroker
from weir.supervise.manager import Manager

T = TypeVar("T")
JOB = first_counts.JOB
WHO = "drill"
PATIENCE_S = 300.0  # for a condition: beside other stacks on two cores, ten seconds become a minute
PROXIED, JOBS = "WEIR_CASSANDRA_PORT", "WEIR_JOBS"


@dataclass
class Stage:
    """A running stack. `proxy` is in front of its Cassandra, unless the drill did not start the stack."""

    home: Path
    settings: Settings  # straight to Cassandra: judging must not depend on the proxy
    manager: Manager[Store]
    broker: KafkaBroker
    proxy: Proxy | None

    @property
    def failpoints(self) -> Path:
        return self.home / "failpoints"

    @property
    def dags(self) -> Path:
        """Return the copy of the project's DAGs that the drill may change; it does not exist in a stack that the drill did not start."""
        return self.home / "dags"

    @property
    def jobs(self) -> Path:
        """Return the copy of the project's jobs that the drill may change; it does not exist in a stack that the drill did not start."""
        return self.home / "code" / "spark_jobs"

    @property
    def rules(self) -> Rules:
        return Rules.of(self.manager.spec(JOB))

    @property
    def session(self) -> Session:
        """Return the store's session, to write what no code of Weir would write."""
        store = self.manager.store
        assert isinstance(store, CassandraStore)
        return store.session

    # what is

    def head(self) -> Head:
        head = self.manager.store.head(JOB)
        if head is None:
            raise NotRunning(f"{JOB} has no head.", "Was it deployed?")
        return head

    def driver(self) -> int:
        """Return the process id of the driver's JVM; 0 while none has started."""
        return pid_of(self.head().incarnation)

    def landed_since(self, moment: int) -> Iterator[Head]:
        """Return the batches that landed after a time (ms), newest first."""
        landed = (head for head in batches(self.manager.store, JOB) if head.has_batch and head.state is State.LANDED)
        return takewhile(lambda head: head.landed_at > moment, landed)

    def landed_after(self, moment: int, attempt: int = 0) -> Head | None:
        """Return the first batch that landed after a time (ms) by a later attempt than this."""
        found = None
        for head in self.landed_since(moment):
            found = head if head.by > attempt else found
        return found

    # what is done to it

    def kill(self, part: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal the process of a part. Return its id."""
        child = StateFile(self.home).read()[part].child()
        if child is None:
            raise NotRunning(f"{part} does not run.", "The drill expected it to.")
        os.kill(child.pid, number)
        return child.pid

    def signal_driver(self, number: signal.Signals) -> int:
        """Signal the driver's JVM, if it is this stack's. Return its id."""
        pid = self.until(self.driver, "a driver runs")
        if not self.driver_runs(pid):
            raise NotRunning(f"Process {pid} is not of this stack.", "Nothing was signalled.")
        os.kill(pid, number)
        return pid

    def wake(self, pid: int) -> None:
        """Continue a stopped process, if it still exists."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def driver_runs(self, pid: int) -> bool:
        """Return whether this process is still one of the stack's."""
        return pid in {process.pid for process in descendants_of(str(self.home))}

    def await_part(self, part: str, killed: int = 0) -> None:
        """Wait until a part is healthy in another process than the killed one."""

        def well() -> bool:
            row = next((each for each in stack.servers() if each["part"] == part), None)
            return row is not None and row["state"] == "ok" and row["pid"] != killed

        self.until(well, f"{part} is well again")

    def until(self, condition: Callable[[], T | None], what: str, seconds: float = PATIENCE_S) -> T:
        """Wait for a condition, through outages of the store, and return what it returned. Raises TimedOut."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if answer := condition():
                    return answer
            except NotRunning:
                pass
            if time.monotonic() > deadline:
                raise TimedOut(f"Not within {seconds:.0f} s: {what}.", f"The stack is in {self.home}.")
            time.sleep(0.2)

    def await_landed(self) -> None:
        """Wait until everything in the topic has landed."""
        ends = self.until(lambda: self.broker.end_offsets(TOPIC), "Kafka answers")

        def landed() -> bool:
            frontier = numbers(self.head().frontier)
            return all(frontier.get(p, 0) >= end for p, end in ends.items())

        self.until(landed, "all lines have landed", 2 * PATIENCE_S)

    def arm(self, point: str, way: str) -> None:
        failpoint.arm(self.failpoints, point, way)

    def hit(self, point: str) -> int:
        """Wait until an armed fail-point has fired. Return the id of its process."""
        return self.until(lambda: failpoint.hit(self.failpoints, point), f"the fail-point {point} is reached")

    def disarm(self) -> None:
        for point in failpoint.POINTS:
            (self.failpoints / point).unlink(missing_ok=True)

    def has_failpoints(self) -> bool:
        """Return whether this stack was started with fail-points."""
        daemon = stack.supervisor()
        try:
            return daemon is not None and psutil.Process(daemon.pid).environ().get(failpoint.FOLDER) == str(self.failpoints)
        except psutil.Error:
            return False


@contextmanager
def own(state: Path, reporter: Reporter, change: Callable[[Path], None] = lambda jobs: None) -> Iterator[Stage]:
    """Start a stack in a new state folder, on free ports, and end it afterwards. Sets WEIR_HOME for this process and its children. Its copy
    of the jobs can be changed before it starts."""
    os.environ["WEIR_HOME"] = str(state)
    os.environ[failpoint.FOLDER] = str(state.resolve() / "failpoints")
    proxy = Proxy(lambda: folder.load(home()).ports["cassandra"])
    os.environ[PROXIED] = str(proxy.port)  # inherited by all parts; the probes know the real one
    os.environ[DAGS] = str(_copy(PROJECT / "dags", state.resolve() / "dags"))
    jobs = _copy(PROJECT / "spark_jobs", state.resolve() / "code" / "spark_jobs")
    os.environ[JOBS] = str(jobs)
    _forgive_soon(jobs / JOB / "job.yaml")
    change(jobs)
    try:
        stack.up(reporter)
        with _stage(proxy) as found:
            yield found
    finally:
        stack.down(reporter)


def _copy(folder: Path, copy: Path) -> Path:
    """Make a copy that the drill can change."""
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__")))


def _forgive_soon(spec: Path) -> None:
    """Raise the restart budget: a drill kills more drivers in ten minutes than a year does, and with the job's own spec all but the first
    five would wait longer and longer."""
    text, found = re.subn(r"(?<=refill_after: )\S+", "1m", spec.read_text())
    assert found == 1, spec
    spec.write_text(text)


@contextmanager
def running() -> Iterator[Stage]:
    """Use the stack of WEIR_HOME, and leave it running. Raises NotRunning if there is none."""
    if not stack.supervisor():
        raise NotRunning(f"No stack runs in {home()}.", "Without --here the drill starts one of its own.")
    with _stage(None) as found:
        yield found


@contextmanager
def _stage(proxy: Proxy | None) -> Iterator[Stage]:
    settings = replace(Settings.load(), cassandra_port=folder.load(home()).ports["cassandra"])
    with closing(manager(settings)) as opened:
        yield Stage(home(), settings, opened, source_of(settings), proxy)


__all__ = ["JOB", "WHO", "Stage", "own", "running"]
