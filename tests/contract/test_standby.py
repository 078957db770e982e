"""A real standby: its own JVM and Spark session, with a real store and a real broker. It warms up, waits, is called up, and lands."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from drill.generator import Generator
from spark_jobs.protocol.head import State
from tests.parts import make_topic, running, start_driver
from weir.addresses import address
from weir.cassandra.migrate import migrate
from weir.cassandra.store import CassandraStore
from weir.cluster.checkpoints import CheckpointFolders
from weir.factory import assemble, source_of
from weir.ingest import producer
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.local import ports, secrets
from weir.local.part import Stack
from weir.ports.cluster import DriverState, Submission
from weir.settings import PROJECT, Settings
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.testing import MemoryCluster

JOB = "error_counts"
WITHIN_S = 600.0  # a cold start takes half a minute; on a machine that was busy with other work it took three


class Processes(MemoryCluster):
    """Standbys as processes of this machine, started as a worker of Spark's starts them. Drivers of an attempt are only noted."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack, self.running, self.logs = stack, dict[str, subprocess.Popen[bytes]](), dict[str, Path]()

    def submit(self, submission: Submission) -> str:
        name = super().submit(submission)
        if submission.name.endswith(":standby"):
            self.logs[name] = self._stack.home / f"{name}.log"
            self.running[name] = start_driver(self._stack, submission, self.logs[name])
        return name

    def states_of(self, submission_ids: Collection[str]) -> Mapping[str, DriverState]:
        for one in submission_ids:
            if one in self.running and self.running[one].poll() is not None:
                self.states[one] = DriverState.FINISHED
        return super().states_of(submission_ids)

    def end(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[Manager, Processes, Settings]]:
    with running(tmp_path, "kafka", "cassandra") as found:
        settings = replace(
            found,
            cassandra_keyspace=f"weir_{uuid4().hex[:8]}",
            bundles=str(tmp_path / "bundles"),
            checkpoints=str(tmp_path / "checkpoints"),
        )
        migrate(settings)
        cluster = Processes(Stack(tmp_path, ports.WANTED, secrets.load_or_create(tmp_path)))
        specs = sound(PROJECT / "spark_jobs")
        specs[JOB] = specs[JOB].model_copy(update={"standby": "warm"})
        store = CassandraStore.connect(address(settings), 30.0)
        checkpoints = CheckpointFolders(settings.checkpoints)
        parts = Parts(store, {"standalone": cluster}, source_of(settings), checkpoints, BundleFolder(settings.bundles), settings)
        with closing(assemble(specs, parts)) as manager:
            try:
                yield manager, cluster, settings
            finally:
                cluster.end()


def until(so: Callable[[], object], what: str, cluster: Processes) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not so():
        said = "\n".join(log.read_text()[-3000:] for log in cluster.logs.values())
        assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}\n{said}"
        time.sleep(0.05)


def send(settings: Settings, blocks: int) -> int:
    sender, sent = producer(settings.kafka), 0
    for block in Generator(seed=7, start_ms=time.time_ns() // 1_000_000).blocks(1000 * blocks):
        for service, line in block:
            sender.produce("logs", line, service, sent % 4)
            sent += 1
        sender.poll(0)
    assert sender.flush(30) == 0
    return sent


@pytest.mark.stack
def test_a_standby_warms_up_waits_and_lands_once_it_is_called_up(parts: tuple[Manager, Processes, Settings]) -> None:
    manager, cluster, settings = parts
    make_topic(settings, "logs")
    sent = send(settings, 2)
    manager.deploy(JOB)
    started = replace(manager.health(JOB), standby_act="start")  # as of a driver that has landed
    manager.tend(started)
    until(lambda: manager.store.standbys(JOB)[0].ready_at, "the standby is ready", cluster)
    row, head = manager.store.standbys(JOB)[0], manager.store.head(JOB)
    assert head and (head.attempt, head.incarnation, head.last_landed) == (1, "", -1)  # it has written nothing
    manager.tend(started)
    assert len(manager.store.standbys(JOB)) == 1

    assert "given to the standby" in manager.restart(JOB, 1, "ana", "why").sentence

    def landed() -> bool:
        now = manager.store.head(JOB)
        return now is not None and now.has_batch and now.state is State.LANDED

    until(landed, "it lands", cluster)
    head = manager.store.head(JOB)
    assert head and (head.by, head.incarnation, head.totals.lines) == (2, row.incarnation, sent)

    manager.stop(JOB)
    until(lambda: cluster.states_of([row.submission_id])[row.submission_id].ended, "it ends", cluster)
    assert manager.store.attempts(JOB)[1].exit_reason == "stopped"
