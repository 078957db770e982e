"""A supervised error_counts with real parts: Kafka, Cassandra, a driver of its own JVM, and its checkpoints in a given store."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from drill.generator import Generator
from spark_jobs import failpoint
from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import numbers
from tests.parts import make_topic, start_driver
from tests.stores.servers import FileStore
from weir.addresses import address
from weir.cassandra.migrate import migrate
from weir.cassandra.store import CassandraStore
from weir.cluster.checkpoints import CheckpointFolders
from weir.counts.recount import recount
from weir.counts.rules import Rules
from weir.factory import assemble, bundles, source_of
from weir.ingest import producer
from weir.jobs.folders import sound
from weir.local import ports, secrets
from weir.local.part import Stack
from weir.ports.cluster import DriverState, Submission
from weir.settings import PROJECT, Settings
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.testing import MemoryCluster

JOB = "error_counts"
WITHIN_S = 1800.0  # a cold start takes half a minute; on a machine that was busy with other work it took ten
TICK_S = 2.0  # a judgement reads Cassandra, Kafka and the store
LINES = 2_000


class Drivers(MemoryCluster):
    """Drivers as processes of this machine, started as a worker of Spark's starts them.

    `deaf`: no kill reaches them, as when the network is cut between the master and a worker.
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack, self.running, self.deaf = stack, dict[str, subprocess.Popen[bytes]](), False

    def submit(self, submission: Submission) -> str:
        name = super().submit(submission)
        self.running[name] = start_driver(self._stack, submission, self.log(name))
        return name

    def log(self, name: str) -> Path:
        return self._stack.log(name)

    def state(self, submission_id: str) -> DriverState:
        process = self.running.get(submission_id)
        if process is None:
            return DriverState.LOST
        code = process.poll()
        if code is None:
            return DriverState.RUNNING
        return DriverState.FINISHED if code == 0 else DriverState.KILLED if code < 0 else DriverState.FAILED

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        return {one: self.state(one) for one in submission_ids}

    def kill(self, submission_id: str) -> None:
        process = self.running.get(submission_id)
        if process and not self.deaf:
            process.kill()

    def ending(self, submission_id: str) -> str:
        return self.log(submission_id).read_text(errors="replace")[-20_000:] if submission_id in self.running else ""

    def end(self) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


class CutShort(CheckpointFolders):
    """Checkpoints whose next copy ends in its middle if `cut` is set, as when the supervisor is killed."""

    cut = False

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        if self.cut:
            self.cut = False
            broken: Any = {**contents, list(contents)[-1]: None}  # what cannot be written
            contents = broken
        super().put(job, epoch, attempt, contents)


class Supervised:
    """The job, and what is done to it."""

    def __init__(self, manager: Manager, cluster: Drivers, checkpoints: CutShort, settings: Settings, store: FileStore) -> None:
        self.manager, self.cluster, self.checkpoints, self.settings, self.file_store = manager, cluster, checkpoints, settings, store
        self.source, self.topic, self.sent = source_of(settings), manager.spec(JOB).source.topic, 0
        self.failpoints = Path(os.environ[failpoint.FOLDER])

    @property
    def head(self) -> Head:
        head = self.manager.store.head(JOB)
        assert head is not None
        return head

    def send(self) -> None:
        """Send some lines."""
        sender = producer(self.settings.kafka)
        for block in Generator(seed=self.sent, start_ms=time.time_ns() // 1_000_000).blocks(LINES):
            for service, line in block:
                sender.produce(self.topic, line, service, self.sent % 4)
                self.sent += 1
            sender.poll(0)
        assert sender.flush(30) == 0

    def tick(self) -> None:
        """Judge and act once, as Airflow's watch does."""
        self.manager.act(self.manager.health(JOB))

    def until(self, so: Callable[[], Any], what: str, ticks: bool = True) -> Any:
        """Wait for a condition, and act meanwhile. Return what it returned."""
        deadline = time.monotonic() + WITHIN_S
        while not (found := so()):
            newest = list(self.cluster.running)[-1]
            assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}\n{self.cluster.ending(newest)[-5000:]}"
            if ticks:
                self.tick()
            time.sleep(TICK_S if ticks else 0.2)
        return found

    def landed(self) -> bool:
        """Whether all that was sent has landed."""
        done = numbers(self.head.frontier)
        return all(done.get(p, 0) >= end for p, end in self.source.end_offsets(self.topic).items())

    def arm(self, point: str, way: str) -> None:
        failpoint.arm(self.failpoints, point, way)

    def hit(self, point: str) -> int:
        """Wait until a process has failed at a point. Return its id."""
        return int(self.until(lambda: failpoint.hit(self.failpoints, point), f"the fail-point {point} is reached", ticks=False))

    def kill_driver(self) -> None:
        """kill -9 the newest driver, and wait until it is gone."""
        newest = list(self.cluster.running.values())[-1]
        os.killpg(newest.pid, signal.SIGKILL)
        newest.wait(30)

    def folders(self) -> list[int]:
        """The attempts of this epoch that have a folder."""
        return [attempt for epoch, attempt in self.checkpoints.attempts(JOB) if epoch == self.head.epoch]

    def is_exact(self) -> None:
        """Assert that every line was counted once."""
        found = recount(self.manager.store, self.source, Rules.of(self.manager.spec(JOB)))
        assert (found.missing, found.doubled, found.unchecked_lines, found.checked_lines) == (0, 0, 0, self.sent)


@contextmanager
def supervised(home: Path, servers: Settings, store: FileStore) -> Iterator[Supervised]:
    """Deploy error_counts with its checkpoints in a store, and wait until its first lines have landed."""
    found = replace(
        servers,
        cassandra_keyspace=f"weir_{uuid4().hex[:8]}",
        home=str(home),
    )
    settings = store.settings(found, f"exact-{uuid4().hex[:8]}")
    settings = replace(settings, bundles=f"{settings.checkpoints}-bundles")
    migrate(settings)
    topic = f"logs-{uuid4().hex[:8]}"
    make_topic(settings, topic)
    before = os.environ.get(failpoint.FOLDER)
    os.environ[failpoint.FOLDER] = str(home / "failpoints")
    cluster, checkpoints = Drivers(Stack(home, ports.WANTED, secrets.load_or_create(home))), CutShort(settings.checkpoints, settings)
    specs = sound(PROJECT / "spark_jobs")
    spec = specs[JOB]
    source, restart = spec.source.model_copy(update={"topic": topic}), spec.restart.model_copy(update={"budget": 1000, "backoff_max": 2.0})
    health = spec.health.model_copy(update=dict.fromkeys(("ready_within", "stalled_after"), WITHIN_S))
    specs[JOB] = spec.model_copy(update={"source": source, "restart": restart, "health": health})
    parts = Parts(
        CassandraStore.connect(address(settings), 30.0),
        {"standalone": cluster},
        source_of(settings),
        checkpoints,
        bundles(settings),
        settings,
    )
    try:
        with closing(assemble(specs, parts)) as manager:
            running = Supervised(manager, cluster, checkpoints, settings, store)
            manager.deploy(JOB)
            running.send()
            running.until(running.landed, "the first lines land")
            yield running
    finally:
        cluster.end()
        os.environ.pop(failpoint.FOLDER) if before is None else os.environ.update({failpoint.FOLDER: before})


def wake(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def runs(pid: int) -> bool:
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def until(so: Callable[[], Any], what: str) -> Any:
    """Wait for a condition and return what it returned."""
    deadline = time.monotonic() + WITHIN_S
    while not (found := so()):
        assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}"
        time.sleep(0.2)
    return found
