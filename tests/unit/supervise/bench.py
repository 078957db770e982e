"""A manager with everything around it in memory, for tests of supervision."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from spark_jobs.counts.cells import Delta
from spark_jobs.counts.deltas import Counted, counting_writer
from spark_jobs.protocol.head import Batch, Head, Totals, advance
from spark_jobs.protocol.partition import of_source
from spark_jobs.protocol.writer import Writer
from spark_jobs.runtime.contract import PROVEN, JobArguments
from weir.factory import assemble
from weir.jobs.bundle import BundleFolder
from weir.jobs.folders import sound
from weir.settings import PROJECT, Settings
from weir.supervise.manager import Manager
from weir.supervise.parts import Parts
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore

JOB = "error_counts"
at = partial(of_source, "topic-1")  # offsets by partition


def memory_parts(bench: Any, home: Path, jobs: str = "", **more: Any) -> Parts[Any]:
    """Return the parts of a bench, which are in memory. `home` is for bundles; `jobs` are the folders of jobs, `more` other parts."""
    settings = Settings(home=str(home), bundles=str(home / "bundles"), checkpoints="memory", jobs=jobs)
    return Parts(
        bench.store,
        {"standalone": bench.cluster},
        bench.broker,
        bench.checkpoints,
        BundleFolder(settings.bundles),
        settings,
        bench.clock,
        bench.clock.sleep,
        **more,
    )


class Bench:
    """A manager with everything around it in memory. `run` plays the driver of a submission with the product's own writer."""

    def __init__(self, folder: Path) -> None:
        self.store, self.cluster, self.broker = MemoryStore(), MemoryCluster(), MemoryBroker()
        self.checkpoints, self.clock = MemoryCheckpoints(), Clock()
        self.broker.create("logs", partitions=2)
        self.parts = memory_parts(self, folder)
        self.manager = assemble(sound(PROJECT / "spark_jobs"), self.parts)

    def another(self, **changes: Any) -> Manager:
        """A manager of another process, with the same specs, over the same parts but for these."""
        return assemble(self.manager.specs, replace(self.parts, **changes))

    def arguments(self, submission_id: str) -> JobArguments:
        """Those that it was submitted with; those that it was called up with for a standby that was."""
        args = JobArguments.from_argv(self.cluster.submissions[submission_id].arguments[-1:])
        orders = self.store.orders(JOB, args.standby)
        return JobArguments.from_argv([orders.arguments]) if orders and orders.arguments else args

    def writer(self, submission_id: str) -> Writer:
        args = self.arguments(submission_id)
        self.checkpoints.start(JOB, args.epoch, args.attempt)
        writer = counting_writer(
            self.store, JOB, args.attempt, f"i-{submission_id}", args.version, args.options["shards"], lambda: int(self.clock() * 1e6)
        )
        writer.start()
        return writer

    def land(self, writer: Writer, batch_id: int, start: int, end: int) -> None:
        n = end - start
        self.fill(0, max(end, self.broker.end_offsets("logs")[0]))
        counted = lambda before: Counted(  # noqa: E731
            [Delta(0, "web", "error", "x", n)], Totals(n, {"error": n}), advance(before, at({0: 0}), at({0: 0}), 60_000)
        )
        epoch, attempt = self.head().epoch, writer._attempt
        self.checkpoints.plan(JOB, epoch, attempt, batch_id, {0: end, 1: 0})
        writer.write(Batch(batch_id, at({0: start, 1: 0}), at({0: end, 1: 0})), counted)
        self.checkpoints.commit(JOB, epoch, attempt, batch_id)

    def prove(self, attempt: int, proof: str = PROVEN) -> None:
        """The driver rehearses a batch without input."""
        self.store.put_proof(JOB, attempt, proof)

    def fill(self, partition: int, end: int) -> None:
        """Let the topic have lines up to there."""
        self.broker.fill("logs", partition, end - self.broker.end_offsets("logs")[partition])

    def head(self) -> Head:
        head = self.store.head(JOB)
        assert head is not None
        return head
