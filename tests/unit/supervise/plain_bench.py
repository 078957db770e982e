"""A manager over a plain job, with everything around it in memory, for tests of what nothing fences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from spark_jobs.protocol.head import Head
from tests.unit.supervise.bench import memory_parts
from weir.factory import assemble
from weir.jobs.folders import sound
from weir.jobs.spec import JobSpec
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.judge.requests import ActionResult
from weir.supervise.manager import Manager
from weir.testing import Clock, MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore

JOB = "words"
SPEC = """
name: words
output: plain
application: wc.py
arguments: ["{kafka}", subscribe, "{topic}", "{checkpoint}"]
source: {topic: logs}
health: {ready_within: 60s, stalled_after: 60s}
restart: {budget: 3}
"""
TRACEBACK = 'Traceback (most recent call last):\n  File "wc.py", line 3\nValueError: a record that cannot be read\n'
OUTAGE = 'Traceback (most recent call last):\n  File "wc.py", line 3\norg.apache.kafka.common.errors.TimeoutException: Timed out\n'


class PlainBench:
    """`commit` plays the driver that lives. A driver's batches are in the folder that all attempts share."""

    def __init__(self, folder: Path, spec: str = SPEC) -> None:
        self.store, self.cluster, self.broker = MemoryStore(), MemoryCluster(), MemoryBroker()
        self.checkpoints, self.clock = MemoryCheckpoints(), Clock()
        self.broker.create("logs", partitions=1)
        self.jobs = folder / "jobs"
        self.write(spec)
        self.parts = memory_parts(self, folder, str(self.jobs))
        self.manager = self.another()

    def write(self, spec: str = SPEC, code: str = "print('words')\n") -> None:
        (self.jobs / JOB).mkdir(parents=True, exist_ok=True)
        (self.jobs / JOB / "job.yaml").write_text(spec)
        (self.jobs / JOB / "wc.py").write_text(code)

    def another(self) -> Manager:
        """The manager of another process."""
        specs: dict[str, JobSpec] = sound(self.jobs)
        return assemble(specs, self.parts)

    def deploy(self, **changes: str) -> ActionResult:
        """A first deploy, or one of other code."""
        if changes:
            self.write(**changes)
            self.manager = self.another()
        return self.manager.deploy(JOB, "ana", "why")

    @property
    def head(self) -> Head:
        head = self.store.head(JOB)
        assert head is not None
        return head

    @property
    def row(self) -> AttemptRow:
        return next(a for a in self.store.attempts(JOB) if a.attempt == self.head.attempt)

    @property
    def driver(self) -> str:
        return self.row.submission_id

    @property
    def submissions(self) -> int:
        return len(self.cluster.submissions)

    def lines_arrive(self, n: int) -> None:
        self.broker.fill("logs", 0, n)

    def plan(self, batch: int, end: int | None = None, query: str = "") -> None:
        """The driver plans a batch; without an end, up to where the topic ends now."""
        ends: Mapping[int, int] = {0: self.broker.end_offsets("logs")[0] if end is None else end}
        files = self.checkpoints.start(JOB, self.head.epoch, None)
        before = set(files)
        self.checkpoints.plan(JOB, self.head.epoch, None, batch, ends)
        if query:
            for path in set(files) - before:
                files[f"{query}/{path}"] = files.pop(path)

    def commit(self, batch: int, end: int | None = None) -> None:
        self.plan(batch, end)
        self.checkpoints.commit(JOB, self.head.epoch, None, batch, int(self.clock() * 1000))

    def ends(self, state: DriverState = DriverState.FAILED, printed: str = "") -> None:
        """The newest driver ends."""
        self.cluster.printed[self.driver] = printed
        self.cluster.states[self.driver] = state

    def ends_all(self, state: DriverState) -> None:
        """Every driver ends, whichever the head has."""
        for one in self.cluster.alive:
            self.cluster.states[one] = state

    def with_head(self, head: Head | None) -> None:
        """The head is as it was in a backup; None if it is not there any more."""
        self.store._heads.pop(JOB)
        if head:
            self.store._heads[JOB] = head

    def look(self, after_s: float = 5.0) -> Report:
        self.clock.sleep(after_s)
        return self.manager.health(JOB)

    def see(self, *after_s: float) -> Report:
        """Look again and again, as the watch does."""
        for seconds in after_s:
            left = seconds
            while left > 0:
                report = self.look(min(5.0, left))
                left -= 5.0
        return report

    def act(self, after_s: float = 5.0) -> ActionResult | None:
        return self.manager.act(self.look(after_s))

    def running(self) -> None:
        """Deployed, and a batch committed."""
        self.deploy()
        self.clock.sleep(10)
        self.commit(0)
        assert self.look().verdict is Verdict.OK

    def spec_with(self, **health: float) -> None:
        spec = self.manager.specs[JOB]
        self.manager.specs[JOB] = spec.model_copy(update={"health": spec.health.model_copy(update=health)})

    def with_submit_lost(self) -> None:
        """The attempt has been submitted, and whoever did it was killed before the submission was noted."""
        rows = self.store._attempts[JOB]
        rows[self.head.attempt] = replace(rows[self.head.attempt], submission_id="", submitted_at=0)
