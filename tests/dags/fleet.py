"""A fleet of jobs for tests: the product's own manager over in-memory parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from airflow.sdk.execution_time.context import OutletEventAccessors

from spark_jobs.counts.cells import Delta, RejectedLine
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.gap import Gap
from spark_jobs.protocol.head import Batch, Head, Totals, advance
from spark_jobs.protocol.partition import Partition, numbers, of_source
from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime.contract import JobArguments
from weir.alerts.deliver import deliver
from weir.alerts.evaluate import evaluate
from weir.alerts.rules import parse
from weir.alerts.sink import Inbox
from weir.counts.rules import Rules
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.ports.cluster import DriverState
from weir.settings import PROJECT, Settings
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore

at = partial(of_source, "topic-1")  # offsets by partition

JOB = "error_counts"
ONE = (Delta(0, "web", "error", "x", 1),)


class Fleet:
    """`manager` is shared by all who open one; `opened` has the settings that each of them came with."""

    def __init__(self, folder: Path) -> None:
        self.store, self.cluster, self.broker = MemoryStore(), MemoryCluster(), MemoryBroker()
        self.checkpoints, self.clock = MemoryCheckpoints(), Clock()
        self.broker.create("logs", partitions=1)
        self.opened: list[Settings] = []
        self.writers: dict[tuple[str, int], Writer] = {}
        self.broken: Exception | None = None
        specs = sound(PROJECT / "spark_jobs")
        settings = Settings(home=str(folder), bundles=str(folder / "bundles"), checkpoints="memory")
        clusters = {"standalone": self.cluster}
        parts = Parts(
            self.store, clusters, self.broker, self.checkpoints, BundleFolder(settings.bundles), settings, self.clock, self.clock.sleep
        )
        self.manager = assemble(specs, parts)
        self.manager.close = lambda: None  # type: ignore[method-assign]

    def open(self, settings: Settings, others: object = None) -> Manager:
        self.opened.append(settings)
        if self.broken:
            raise self.broken
        return self.manager

    def add(self, *jobs: str) -> None:
        for job in jobs:
            self.manager.specs[job] = self.manager.specs[JOB].model_copy(update={"name": job})

    def land(self, job: str = JOB, deltas: Sequence[Delta] = ONE, rejected: Sequence[RejectedLine] = ()) -> None:
        """Let the newest driver of a job start, and land a batch of these counts and rejected lines."""
        args = self._newest(job)
        writer = self.writers.setdefault((job, args.attempt), self._writer(job, args))  # one process an attempt
        writer.start()
        head = self._head(job)
        start, levels = numbers(head.frontier).get(0, 0), Counter[str]()
        for delta in deltas:
            levels[delta.level] += delta.n
        totals = Totals(levels.total() + len(rejected), levels, Counter(line.reason for line in rejected))
        self.broker.fill("logs", 0, totals.lines)
        batch = Batch(head.last_landed + 1, at({0: start}), at({0: start + totals.lines}))
        writer.write(batch, lambda before: Counted(deltas, totals, advance(before, at({0: 0}), at({0: 0}), 60_000), rejected))
        self.checkpoints.plan(job, args.epoch, args.attempt, batch.batch_id, numbers(batch.end))
        self.checkpoints.commit(job, args.epoch, args.attempt, batch.batch_id)

    def _writer(self, job: str, args: JobArguments) -> Writer:
        return counting_writer(
            self.store, job, args.attempt, f"i-{args.attempt}", args.version, args.options["shards"], lambda: int(self.clock() * 1e6)
        )

    def kill(self, job: str = JOB) -> None:
        """End the newest driver of a job, as `kill -9` does."""
        self.cluster.states[self._submission(job)] = DriverState.FAILED

    def poison(self, lines: int = 1) -> None:
        """Let the next batch of so many lines fail twice with the same error."""
        head = self._head(JOB)
        end = head.frontier[Partition("topic-1", 0)] + lines
        self.broker.fill("logs", 0, end - self.broker.end_offsets("logs")[0])
        for again in (True, False):
            self.checkpoints.plan(JOB, head.epoch, self.attempt(), head.last_landed + 1, {0: end})
            self.store.put_exit(JOB, self.attempt(), f"i-{self.attempt()}", "failed", "ValueError: a bad line", head.last_landed + 1)
            if again:
                self.manager.restart(JOB)

    def lose(self, lines: int = 1) -> None:
        """Let retention take so many lines more that were not counted."""
        gone = max(self._head(JOB).frontier[Partition("topic-1", 0)], self.broker.earliest_offsets("logs")[0]) + lines
        self.broker.fill("logs", 0, max(0, gone + 1 - self.broker.end_offsets("logs")[0]))
        self.broker.forget("logs", 0, gone)

    def alert(self, *rules: str) -> None:
        """What the alert task does: one look, one pass, and what is due goes to the inbox."""
        self.manager.tick()
        known = parse(f"job: {JOB}\nrules: [{', '.join(rules)}]", "test.yaml")
        evaluate(self.store, self.broker, Rules.of(self.manager.specs[JOB]), known, int(self.clock() * 1000))
        deliver(self.store, JOB, lambda name: Inbox(self.store), self.clock)

    def gap(self) -> Gap:
        """What the newest epoch leaves out."""
        found = self._head(JOB).gap
        assert found is not None
        return found

    def attempt(self, job: str = JOB) -> int:
        return self._head(job).attempt

    def _head(self, job: str) -> Head:
        head = self.store.head(job)
        assert head is not None
        return head

    def _submission(self, job: str) -> str:
        return next(i for i, s in reversed(self.cluster.submissions.items()) if JobArguments.from_argv(s.arguments).job == job)

    def _newest(self, job: str) -> JobArguments:
        return JobArguments.from_argv(self.cluster.submissions[self._submission(job)].arguments)


class FakeRun:
    run_id = "manual__1"
    triggering_user_name = "ana"


class FakeInstance:
    """What operators use of a task instance."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(**params: Any) -> Any:
    """As much of a task's context as the operators read."""
    return {"params": params, "dag_run": FakeRun(), "run_id": FakeRun.run_id, "ti": FakeInstance(), "outlet_events": OutletEventAccessors()}
