"""Roll back a version that was never ready and is itself at fault, as rollback.py judges."""

from __future__ import annotations

from dataclasses import replace

from spark_jobs.protocol.head import Head
from weir.jobs.spec import parse
from weir.ports.attempts import AttemptStore
from weir.ports.jobs import JobRow, JobStore, VersionRow
from weir.supervise.act.wanted import Wanted
from weir.supervise.judge.requests import AUTOMATIC, ActionResult, StartRequest
from weir.supervise.judge.rollback import Fate, Ruling, rule
from weir.supervise.observe.health import Health
from weir.supervise.observe.versions import Versions
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.start.starter import Starter

ROLLBACK = "rollback"


class Rollbacks:
    def __init__(self, parts: Parts, register: Register, health: Health, versions: Versions, wanted: Wanted, starter: Starter) -> None:
        self._parts, self._register, self._health = parts, register, health
        self._jobs: JobStore = parts.store
        self._attempts: AttemptStore = parts.store
        self._versions, self._wanted, self._starter = versions, wanted, starter

    def ruling(self, job: str, late: bool) -> Ruling:
        """Return whether to roll back the version that was deployed last; `late` if it had to be ready by now. Never acts."""
        return self._ruled(job, late)[0]

    def roll_back(self, job: str, late: bool) -> ActionResult | None:
        """Go back to the last good version, if the present one was never ready and is itself at fault. Else return None.

        Raises Conflict if somebody else has deployed or restarted it in between.
        """
        ruling, wanted, attempt = self._ruled(job, late)
        if ruling.fate is not Fate.ROLL_BACK or ruling.to is None or wanted is None:
            return None
        spec, to = parse(ruling.to.spec, f"version {ruling.to.version}"), ruling.to.version
        reason = f"version {wanted.version} was rolled back: {ruling.why}"
        self._wanted.run(wanted, spec, to, AUTOMATIC, reason)
        self._versions.put(spec, to)
        action = self._starter.start(StartRequest(job, attempt, ROLLBACK, AUTOMATIC, reason))
        sentence = f"{job} was rolled back from version {wanted.version} to {to}, as attempt {action.attempt}: {ruling.why}."
        return replace(action, sentence=sentence)

    def before_restart(self, job: str) -> ActionResult | None:
        """Roll back instead of restarting, if the driver's version was never ready and is itself at fault.

        None if it should be restarted.
        """
        wanted, rows = self._jobs.job(job), self._versions.all(job)
        if wanted is None or any(row.good for row in rows if row.version == wanted.version):
            return None
        deployed = next((a.taken_at for a in self._attempts.attempts(job) if a.cause == "deploy"), 0)
        return self.roll_back(job, self._parts.now_ms() - deployed > 1000 * self._register.spec(job).health.ready_within)

    def taken_back(self, job: str) -> str:
        """Return why the version that was deployed last is not the one that runs; empty if it is."""
        row = next((a for a in self._attempts.attempts(job) if a.cause in ("deploy", ROLLBACK)), None)
        return f"{job}: {row.reason}" if row and row.cause == ROLLBACK else ""

    def _ruled(self, job: str, late: bool) -> tuple[Ruling, JobRow | None, int]:
        spec, kept = self._register.spec(job), self._versions.kept()
        report = self._health.report(spec)
        seen = self._health.observation(spec)
        current = seen.wanted.version if seen.wanted else ""
        there = [v for v in self._versions.all(job) if v.version == current or (v.version in kept and _reads_all(v, seen.head))]
        ruling = rule(seen, there, spec.health, report.lag_since, late)
        if ruling.fate is Fate.ROLL_BACK and self._register.paused(job):
            ruling = Ruling(Fate.LEAVE, f"{ruling.why}, but {job} is paused")
        return ruling, seen.wanted, seen.head.attempt if seen.head else 0


def _reads_all(row: VersionRow, head: Head | None) -> bool:
    """Return whether a version reads every topic that the job has counted. One that was deployed before a topic joined cannot continue."""
    names = head.names.values() if head else ()
    spec = or_none(lambda: parse(row.spec, f"version {row.version}")) if names else None
    return not names or (spec is not None and all(spec.source.reads(name) for name in names))
