"""Deploying: what cannot work is refused before anything stops; versions are kept, gone back to, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spark_jobs.protocol.head import Head, Offsets, first_head
from weir.errors import Conflict, DataLoss, Diverged, WeirError
from weir.jobs import bundle, versions
from weir.jobs.spec import JobSpec, parse
from weir.ports.jobs import AttemptRow, JobRow, VersionRow
from weir.supervise.pauses import Words
from weir.supervise.plan import Kind, Plan
from weir.supervise.planning import Planner
from weir.supervise.report import Report, Verdict
from weir.supervise.rollback import Fate, Ruling, rule
from weir.supervise.starting import AUTOMATIC, Action, Order

ROLLBACK = "rollback"
LAND_WITHIN_S = 30.0  # for the batch at work to land: a full one of a million lines takes ten
LANDS = frozenset({Verdict.OK, Verdict.CATCHING_UP, Verdict.SLOW})


class Deployer(Planner, Words):
    def deploy(self, job: str, who: str = AUTOMATIC, reason: str = "", plan: Plan | None = None) -> Action:
        """Make the job run with the spec and the code that are here, or those of a plan. Nothing happens if it does. A driver that is well
        lands its batch first.

        Raises UnknownJob, BadSpec, Refused, DataLoss, Diverged, NotRunning (a part does not answer) or Conflict (somebody else deployed at
        the same moment).
        """
        plan = plan or self.plan(job)
        _refuse(plan)
        spec, version = plan.spec, plan.version
        if plan.made:
            bundle.publish(plan.made, Path(self._settings.bundles), version)
        if plan.kind is not Kind.NO_CHANGE:
            self._let_land(spec)
        # The head first: whoever deploys after that is noticed, when the job's row is changed or when the attempt is replaced.
        head, wanted = self._ensure_head(spec), self.store.job(job)
        if self._runs(wanted, version, head):
            return Action(False, head.attempt, f"{job} runs version {version} already, as attempt {head.attempt}.")
        self._remember(job, wanted)
        self.store.put_version(job, VersionRow(version, self._now_ms(), spec.dump()))
        self._want(wanted, spec, "running", version, who, reason)
        changes = plan.differences if plan.before else ()
        action = self._start(Order(job, head.attempt, "deploy", who, reason or f"deploy of version {version}", changes=changes))
        bundle.drop(Path(self._settings.bundles), versions.droppable(self.versions(job), self.store.attempts(job), version))
        return action

    def _let_land(self, spec: JobSpec) -> None:
        """Returns when the batch at work has landed: its work would be done again. What does not land in time, or is not well, is not
        waited for."""
        (report,) = self.onlooker().reports({spec.name: spec})
        if report.found in LANDS and report.evidence.get("lag"):
            judged = report.attempt, dict(report.frontier)
            self._until(lambda: _at(self._head(spec.name)) != judged, LAND_WITHIN_S)

    # taking a version back

    def ruling(self, job: str, late: bool) -> Ruling:
        """What is to become of the version that was deployed last; `late` once it had to be ready. Never acts."""
        return self._ruled(job, late)[0]

    def roll_back(self, job: str, late: bool) -> Action | None:
        """Go back to the last good version, if the present one has never been ready and is itself at fault. None if it is left.

        Raises Conflict if somebody else has deployed or restarted since it was looked at.
        """
        ruling, wanted, attempt = self._ruled(job, late)
        if ruling.fate is not Fate.ROLL_BACK or ruling.to is None or wanted is None:
            return None
        spec, to = parse(ruling.to.spec, f"version {ruling.to.version}"), ruling.to.version
        reason = f"version {wanted.version} was taken back: {ruling.why}"
        self._want(wanted, spec, "running", to, AUTOMATIC, reason)
        self.store.put_version(job, VersionRow(to, self._now_ms(), spec.dump()))
        action = self._start(Order(job, attempt, ROLLBACK, AUTOMATIC, reason))
        sentence = f"{job} was rolled back from version {wanted.version} to {to}, as attempt {action.attempt}: {ruling.why}."
        return replace(action, sentence=sentence)

    def taken_back(self, job: str) -> str:
        """Why the version that was deployed last is not the one that runs; empty if it is."""
        row = next((a for a in self.store.attempts(job) if a.cause in ("deploy", ROLLBACK)), None)
        return f"{job}: {row.reason}" if row and row.cause == ROLLBACK else ""

    def _give_back(self, report: Report) -> Action | None:
        """Before a driver is started again: was it of a version that has never been ready, and that is itself at fault? Whoever deployed
        it, and whether anybody waits for it."""
        wanted, rows = self.store.job(report.job), self.versions(report.job)
        if wanted is None or any(row.good for row in rows if row.version == wanted.version):
            return None
        deployed = next((a.taken_at for a in self.store.attempts(report.job) if a.cause == "deploy"), 0)
        return self.roll_back(report.job, self._now_ms() - deployed > 1000 * self.spec(report.job).health.ready_within)

    def _ruled(self, job: str, late: bool) -> tuple[Ruling, JobRow | None, int]:
        spec, kept = self.spec(job), self.kept()
        report = self._fleet.reports({job: spec})[0]
        seen = self._fleet.observe({job: spec})[job]
        current = seen.wanted.version if seen.wanted else ""
        there = [v for v in self.versions(job) if v.version == current or v.version in kept]
        ruling = rule(seen, there, spec.health, report.lag_since, late)
        if ruling.fate is Fate.ROLL_BACK and self._paused(job):
            ruling = Ruling(Fate.LEAVE, f"{ruling.why}, and a person has said that Weir leaves {job} alone")
        return ruling, seen.wanted, seen.head.attempt if seen.head else 0

    # what is known of versions

    def _is_good(self, job: str, row: AttemptRow | None) -> bool:
        """Notes that the attempt's version has become ready."""
        if row and row.version:
            self.store.put_good(job, row.version)
        return True

    def _remember(self, job: str, wanted: JobRow | None) -> None:
        """Keep what attempts tell of versions: they are listed only so far back. One that ran before versions were kept is noted, too."""
        noted = {row.version: row.good for row in self.store.versions(job)}
        if wanted and wanted.version not in noted:
            self.store.put_version(job, VersionRow(wanted.version, wanted.changed_at, wanted.spec))
        for row in self.versions(job):
            if row.good and not noted.get(row.version):
                self.store.put_good(job, row.version)

    # what is wanted

    def _ensure_head(self, spec: JobSpec) -> Head:
        head = self.store.head(spec.name)
        while head is None:
            earliest = self._broker.earliest_offsets(spec.source.topic)
            topic_id = self._broker.topic_id(spec.source.topic)
            self.store.create_head(first_head(spec.name, earliest, topic_id, self._now_ms() * 1000))
            head = self.store.head(spec.name)
        return head

    def _want(self, wanted: JobRow | None, spec: JobSpec, desired: str, version: str, who: str, reason: str) -> None:
        new = JobRow(spec.name, 0, desired, version, spec.dump(), who, reason, self._now_ms())
        self._change(wanted, new)

    def _change(self, wanted: JobRow | None, new: JobRow) -> None:
        new = replace(new, revision=wanted.revision + 1 if wanted else 1, changed_at=self._now_ms())
        if not self.store.set_job(wanted, new):
            raise Conflict(f"Somebody else changed {new.job} at the same moment.", f"Run: weir health {new.job}")


def _at(head: Head) -> tuple[int, Offsets]:
    return head.attempt, dict(head.frontier)


NEXT: dict[type[WeirError], str] = {
    DataLoss: 'Run: weir restart {job} --accept-loss --reason "..."',
    Diverged: "Run: weir checkpoint {job} --doctor, then weir checkpoint {job} --rebuild",
}


def _refuse(plan: Plan) -> None:
    """Raises Refused, or what the change is refused for: DataLoss or Diverged."""
    if plan.kind is Kind.REFUSED:
        next_step = NEXT.get(plan.change.error, "See: weir deploy {job} --plan").format(job=plan.job)
        what = f"The deploy of {plan.job}, version {plan.version}, is refused, and nothing was stopped: {plan.refusals}."
        raise plan.change.error(what, next_step)
