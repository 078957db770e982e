"""Streams in memory under the product's own manager, and what Prometheus would be told of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from spark_jobs.counts.cells import Delta
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.head import Batch, Head, Totals, advance
from spark_jobs.protocol.partition import numbers, of_source
from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime.contract import JobArguments
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.metrics.collector import FleetCollector
from weir.metrics.look import Looker
from weir.ports.cluster import DriverState
from weir.ports.source import Retention
from weir.settings import PROJECT, Settings
from weir.supervise.parts import Parts
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore

START = 1_800_000_000.0
Labels = Mapping[str, str]


class World:
    """Jobs of one topic each, which has two partitions and the job's name. Their drivers run when the test lands something."""

    def __init__(self, folder: Path, *jobs: str, now: float = START) -> None:
        self.store, self.cluster, self.broker, self.clock = MemoryStore(), MemoryCluster(), MemoryBroker(), Clock(now)
        self.checkpoints, self.writers = MemoryCheckpoints(), dict[tuple[str, int], Writer]()
        real = sound(PROJECT / "spark_jobs")["error_counts"]
        specs = {job: real.model_copy(update={"name": job, "source": real.source.model_copy(update={"topic": job})}) for job in jobs}
        code = folder / "spark_jobs"
        (code / "error_counts").mkdir(parents=True, exist_ok=True)
        (code / "error_counts" / "job.py").write_text("")
        (code / "runtime").mkdir(exist_ok=True)  # a package of its own with nothing in it: a bundle of two files, not of seventy
        settings = Settings(home=str(folder), bundles=str(folder / "bundles"), checkpoints="memory", jobs=str(code))
        clusters = {"standalone": self.cluster}
        parts = Parts(
            self.store, clusters, self.broker, self.checkpoints, BundleFolder(settings.bundles), settings, self.clock, self.clock.sleep
        )
        self.manager = assemble(specs, parts)
        self.looker = Looker(recounts_s=-1, alerts_s=-1)
        for job in jobs:
            self.broker.create(job, partitions=2)
            self.broker.kept[job] = Retention(ms=3_600_000)
            self.manager.deploy(job, who="ana")

    @property
    def now(self) -> int:
        return int(self.clock() * 1000)

    def send(self, job: str, n: int, partition: int = 0) -> None:
        """Lines that arrive now."""
        for _ in range(n):
            self.broker.add(job, partition, b"web", b"", self.now)

    def land(self, job: str, levels: Mapping[str, int], rejected: Mapping[str, int] | None = None, late: int = 0) -> None:
        """Land the next lines of partition 0, as many as that. The lines are there already, or arrive now."""
        totals = Totals(sum(levels.values()) + sum((rejected or {}).values()), dict(levels), dict(rejected or {}), late)
        start, at = numbers(self.head(job).frontier).get(0, 0), partial(of_source, self.broker.topic_id(job))
        self.send(job, max(0, start + totals.lines - self.broker.end_offsets(job)[0]))
        deltas = [Delta(self.now - self.now % 10_000, "web", level, "x", n) for level, n in levels.items()]
        batch = Batch(self.head(job).last_landed + 1, at({0: start, 1: 0}), at({0: start + totals.lines, 1: 0}))
        writer, epoch, attempt = self.writer(job), self.head(job).epoch, self.head(job).attempt
        self.checkpoints.plan(job, epoch, attempt, batch.batch_id, numbers(batch.end), topic=job)
        appended = max(record.append_ms for record in self.broker.records(job, 0, start, start + totals.lines))
        writer.write(batch, lambda before: Counted(deltas, totals, advance(before, at({0: appended}), at({0: appended}), 60_000)))
        self.checkpoints.commit(job, epoch, attempt, batch.batch_id)

    def writer(self, job: str) -> Writer:
        args = JobArguments.from_argv(self.cluster.submissions[self.submission(job)].arguments)
        if (job, args.attempt) not in self.writers:
            writer = counting_writer(
                self.store, job, args.attempt, f"i-{args.attempt}", args.version, args.options["shards"], lambda: self.now * 1000
            )
            writer.start()
            self.checkpoints.start(job, args.epoch, args.attempt)
            self.writers[job, args.attempt] = writer
        return self.writers[job, args.attempt]

    def submission(self, job: str) -> str:
        return next(row.submission_id for row in self.store.attempts(job) if row.submission_id)

    def kill(self, job: str) -> None:
        self.cluster.states[self.submission(job)] = DriverState.FAILED

    def act(self) -> None:
        """What the watch does."""
        for report in self.manager.tick():
            self.manager.act(report)

    def head(self, job: str) -> Head:
        head = self.store.head(job)
        assert head is not None
        return head

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(FleetCollector(lambda: self.looker.look(self.manager), fresh_s=-1))
        return registry

    def told(self, name: str, job: str = "", **labels: str) -> float | None:
        """The value of a series in a scrape of its own; None if it is not told."""
        return self.registry().get_sample_value(name, {**({"weir_job": job} if job else {}), **labels})
