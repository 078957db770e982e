"""Stop a job: its driver lands the current batch and ends, or is killed, and can no longer write."""

from __future__ import annotations

from spark_jobs.protocol.head import Head
from weir.ports.heads import HeadStore
from weir.ports.jobs import JobRow, JobStore
from weir.supervise.act.wanted import Wanted
from weir.supervise.judge.requests import ActionResult, StartRequest
from weir.supervise.kind import Kinds
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.start.standbys import Standbys
from weir.supervise.start.takeover import Takeover
from weir.supervise.start.unfenced_drivers import UnfencedDrivers, not_confirmed
from weir.supervise.timeline import Timeline

STOP_WITHIN_S = 30.0  # as LAND_WITHIN_S, and a driver looks every 5 s
KILL_WITHIN_S = 30.0


class Stopper:
    def __init__(
        self,
        parts: Parts,
        register: Register,
        timeline: Timeline,
        takeover: Takeover,
        standbys: Standbys,
        wanted: Wanted,
        kinds: Kinds,
        drivers: UnfencedDrivers,
    ) -> None:
        self._parts, self._register, self._timeline = parts, register, timeline
        self._jobs: JobStore = parts.store
        self._heads: HeadStore = parts.store
        self._takeover, self._standbys, self._wanted, self._kinds, self._drivers = takeover, standbys, wanted, kinds, drivers

    def stop(self, job: str, who: str, reason: str) -> ActionResult:
        """Let the driver land the current batch and end, or kill it. The job stays stopped until the next deploy, which counts the rest.

        Raises UnknownJob, or Conflict if somebody deploys it meanwhile.
        """
        wanted = self._jobs.job(job)
        if wanted is None:  # a job that was deployed once can be stopped without its folder
            self._register.find(job)
        head = self._heads.head(job)
        if wanted and head and not self._kinds[self._register.spec(job).kind.name].fenced:
            return self._stop_unfenced(wanted, self._drivers.recall(head), who, reason)
        if wanted is None or head is None or wanted.desired == "stopped":
            return ActionResult(False, head.attempt if head else 0, f"{job} is stopped already.")
        self._wanted.stop(wanted, who, reason)
        row, standbys = self._register.row(job, head.attempt), self._standbys.dismiss(job)
        if row and row.submission_id:
            self._end(job, row.submission_id, begun=bool(head.incarnation))
        for standby in standbys:
            self._end(job, standby, begun=True)
        fenced = self._takeover.fence(job, head.attempt, who, reason, wanted.version)
        self._timeline.tell(job, "stop", f"{job} was stopped.", fenced.attempt, who, reason, {"replaces": head.attempt})
        return ActionResult(True, fenced.attempt, f"{job} is stopped. Everything that had landed is kept.")

    def _stop_unfenced(self, wanted: JobRow, head: Head, who: str, reason: str) -> ActionResult:
        """End a driver without fencing, and make sure that it has ended. May be repeated until it has.

        Raises NotConfirmed if its end cannot be confirmed; the job stays stopped.
        """
        job = head.job
        if wanted.desired != "stopped":
            self._wanted.stop(wanted, who, reason)
        elif not head.incarnation:
            return ActionResult(False, head.attempt, f"{job} is stopped already.")
        if why := self._drivers.end(head):
            raise not_confirmed(head, why)
        stopped, _ = self._takeover.replace(StartRequest(job, head.attempt, "stop", who, reason, version=wanted.version), head)
        self._timeline.tell(job, "stop", f"{job} was stopped.", stopped.attempt, who, reason, {"replaces": head.attempt})
        return ActionResult(True, stopped.attempt, f"{job} is stopped. Its checkpoint is kept.")

    def _end(self, job: str, submission_id: str, begun: bool) -> None:
        """Wait for a driver to end by itself, else kill it. A driver that has not begun has nothing to land, and is killed at once."""
        if begun and self._ended(job, submission_id, STOP_WITHIN_S):
            return
        self._register.cluster(job).kill(submission_id)
        self._ended(job, submission_id, KILL_WITHIN_S)

    def _ended(self, job: str, submission_id: str, within_s: float) -> bool:
        return self._parts.until(lambda: self._register.cluster(job).state(submission_id).ended, within_s)
