"""Report on jobs, observe them, and wait until they are ready or have landed everything. Never acts on a driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spark_jobs.protocol.head import Head, Partition
from weir.errors import Conflict, DriverEnded
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec
from weir.ports.attempts import AttemptStore
from weir.ports.heads import HeadStore
from weir.supervise.judge.doctor import Seen
from weir.supervise.judge.observation import STARTS_MS, Observation
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.observe.fleet import Fleet
from weir.supervise.observe.versions import Versions
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.topics import ends_for
from weir.supervise.unread import unread


@dataclass(frozen=True)
class Readiness:
    """Whether an attempt is ready, in a sentence; the sentence is empty while that may still change by itself."""

    ready: bool = False
    sentence: str = ""

    def __bool__(self) -> bool:
        return self.ready


class Health:
    """`onlooker` judges as the watch does, but stores no report.

    The watch continues from the last stored report. A caller that cannot reach the cluster calls a dead driver unknown; if that were
    stored, it would delay the restart again and again.
    """

    def __init__(self, parts: Parts, register: Register, versions: Versions, fleet: Fleet, onlooker: Fleet) -> None:
        self._parts, self._register, self._versions = parts, register, versions
        self._heads: HeadStore = parts.store
        self._attempts: AttemptStore = parts.store
        self._fleet, self.onlooker = fleet, onlooker

    def report(self, spec: JobSpec) -> Report:
        """Observe, judge and decide for one job, and store the report."""
        return self._fleet.reports({spec.name: spec})[0]

    def reports(self) -> list[Report]:
        """Make one pass over the fleet. A job that cannot be judged does not stop the pass."""
        return self._fleet.reports(dict(self._register.specs))

    def observation(self, spec: JobSpec) -> Observation:
        """Observe a job. A part that does not answer is unknown; raises NotRunning if the store does not answer."""
        return self._fleet.observe({spec.name: spec})[spec.name]

    def poisoned(self, job: str) -> int:
        """Return the batch that failed twice with the same error. Raises Conflict if none did. Stores no report, so a
        preview of a quarantine changes nothing."""
        (report,), head = self.onlooker.reports({job: self._register.find(job)}), self._register.head(job)
        row = self._register.row(job, head.attempt)
        if report.found is not Verdict.POISONED or row is None:
            raise Conflict(f"{job} is not poisoned: {report.sentence}.", "To leave a batch out all the same, name it: --batch.")
        return row.exit_batch

    def ready(self, job: str, attempt: int) -> Readiness:
        """Return whether the attempt is ready: it has landed a batch, or has rehearsed one while there is nothing to read.

        Raises DriverEnded or Conflict if it never will, NotRunning if that is unknown now.
        """
        spec = self._register.find(job)
        seen = self.observation(spec)
        if seen.head is None or seen.head.attempt != attempt:
            now_at = f"attempt {seen.head.attempt}" if seen.head else "nothing"
            raise Conflict(f"{job} is at {now_at} now, attempt {attempt} was replaced.", f"Run: weir health {job}")
        row, landed = seen.attempt, seen.landed_now
        if not landed and (seen.driver.ended or (row and row.exit_reason)):
            why = ((row.exit_error or row.exit_reason) if row else "") or str(seen.driver)
            raise DriverEnded(f"The driver of {job}, attempt {attempt}, has ended: {why.removesuffix('.')}.", f"Run: weir logs {job}")
        if landed or (seen.begun and seen.lag == 0 and seen.proven):
            if landed or spec.kind.can(Capability.REHEARSES):  # else nothing of its own code has run yet
                self._versions.put_good(job, row)
            return Readiness(True, f"{job} is ready with attempt {attempt}.")
        if row and seen.begun and seen.lag == 0 and seen.rehearses_nothing and seen.now - row.submitted_at > STARTS_MS:
            return Readiness(
                False,
                f"{job} runs with attempt {attempt}. There is no input, so it has read nothing yet, and it is unknown whether it works.",
            )
        return Readiness()

    def wait_ready(self, job: str, attempt: int, timeout_s: float) -> Readiness:
        """Wait until the attempt is ready, or runs and cannot show that it is; neither at the timeout. Raises what `ready` raises."""
        found = Readiness()

        def known() -> bool:
            nonlocal found
            found = self.ready(job, attempt)
            return bool(found.sentence)

        self._parts.until(known, timeout_s)
        return found

    def wait_landed(self, job: str, timeout_s: float) -> bool:
        """Wait until all lines and files that the sources have now have landed. Return False at the timeout."""
        spec, head = self._register.spec(job), self._register.head(job)
        ends, files = ends_for(self._parts.source, head, spec.source.subscription), self._unread(head, spec)
        seen = head.frontier

        def landed() -> bool:
            nonlocal files, seen
            head = self._heads.head(job)
            if head is None or any(head.frontier.get(p, 0) < end for p, end in ends.items()):
                return False
            if any(files.values()) and head.frontier != seen:
                left = or_none(lambda: self._unread(head, spec))
                seen = head.frontier if left else seen  # a checkpoint that is being copied has no lists yet
                files = {p: names & left[p] for p, names in files.items()} if left else files
            return not any(files.values())

        return self._parts.until(landed, timeout_s)

    def _unread(self, head: Head, spec: JobSpec) -> Mapping[Partition, frozenset[str]]:
        return unread(self._parts.folders, self._parts.checkpoints, head, spec.folders)

    def drivers(self) -> list[tuple[str, Observation]]:
        """Return the observation of each job that should run."""
        found = self._fleet.observe(dict(self._register.specs))
        return [(job, seen) for job, seen in found.items() if seen.wanted and seen.wanted.desired == "running"]

    def checkpoint(self, job: str) -> Seen | None:
        """Return the checkpoint folder of the newest attempt, with what it is judged by; None if the job was never deployed.

        Raises UnknownJob, NotRunning (the checkpoints or the store cannot be read).
        """
        spec, before = self._register.spec(job), self._heads.head(job)
        if before is None:
            return None
        landed, found = self._register.newest_landed(job), self._parts.checkpoints.attempts(job)
        newest = max((a for e, a in found if e == before.epoch and a <= before.attempt), default=before.attempt)
        folder = self._parts.checkpoints.read(job, before.epoch, newest)
        highest, topic = max((a for _, a in found), default=0), spec.source.subscription.single
        return Seen(folder, before, self._register.head(job), topic, landed, highest, spec.folders)

    def log_link(self, job: str) -> str:
        """Return where the newest driver's log is, as a URL; empty if unknown."""
        row = next((a for a in self._attempts.attempts(job) if a.submission_id), None)
        return self._register.cluster(job).log_link(row.submission_id) if row else ""
