"""Deploying: what it would do is told first, and refused before anything stops; versions are kept, gone back to, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spark_jobs.protocol import Head, first_head
from weir.cluster.records import AttemptRow, DriverState, JobRow, VersionRow
from weir.errors import BadSpec, Conflict, DataLoss, NotKept, NotRunning, Refused, TopicMissing, UnknownJob
from weir.supervise import bundle, preflight, versions
from weir.supervise.beginning import Topic
from weir.supervise.parts import or_none
from weir.supervise.plan import Change, Check, Kind, Plan, classify, differences
from weir.supervise.rollback import Fate, Ruling, rule
from weir.supervise.spec import JobSpec, find, parse, read_all
from weir.supervise.starting import AUTOMATIC, Action, Order, Starter
from weir.supervise.verdict import SUBMIT_GRACE_MS

ROLLBACK = "rollback"


class Deployer(Starter):
    def plan(self, job: str, to: str = "") -> Plan:
        """What a deploy would do: of the spec and the code that are here, or of the kept version that begins with `to`. Changes nothing.

        Raises UnknownJob, BadSpec, NotKept, NotRunning (the store or the cluster does not answer).
        """
        spec, version = self._kept_spec(job, to) if to else self._spec_here(job)
        wanted, head = self.store.job(job), self.store.head(job)
        before = wanted.version if wanted else ""
        if wanted and head and self._runs(wanted, version, head):
            return Plan(job, version, before, spec, Change(Kind.NO_CHANGE, (f"it runs as attempt {head.attempt}",)), kept=bool(to))
        ran = self._ran(job) or (or_none(lambda: parse(wanted.spec, f"the spec of {job}")) if wanted else None)
        topic, told = self._look_at(spec.source.topic)
        changed = differences(ran, spec) if version != before else ("nothing: the driver is started again",)
        checks = (preflight.spec_fits(spec), self._application(job, spec, version), told, *self._ground(job, spec))
        return Plan(job, version, before, spec, classify(ran, spec, head, topic), changed, checks, bool(to))

    def deploy(self, job: str, who: str = AUTOMATIC, reason: str = "", plan: Plan | None = None) -> Action:
        """Make the job run with the spec and the code that are here, or those of a plan. Nothing happens if it does.

        Raises UnknownJob, BadSpec, Refused, DataLoss, NotRunning (a part does not answer) or Conflict (somebody else deployed at the same
        moment).
        """
        plan = plan or self.plan(job)
        _refuse(plan)
        spec, version = plan.spec, plan.version
        if not plan.kept:
            bundle.publish(Path(self._settings.jobs), Path(self._settings.bundles), version)
        head = self._ensure_head(spec)
        wanted = self.store.job(job)
        if wanted and self._runs(wanted, version, head):
            return Action(False, head.attempt, f"{job} runs version {version} already, as attempt {head.attempt}.")
        self._remember(job, wanted)
        self.store.put_version(job, VersionRow(version, self._now_ms(), spec.model_dump_json()))
        self._want(wanted, spec, "running", version, who, reason)
        action = self._start(Order(job, head.attempt, "deploy", who, reason or f"deploy of version {version}"))
        bundle.drop(Path(self._settings.bundles), versions.droppable(self.versions(job), self.store.attempts(job), version))
        return action

    def versions(self, job: str) -> list[VersionRow]:
        """Every version that was deployed, the last one first; good where an attempt of it has become ready or landed a batch.

        Raises UnknownJob.
        """
        rows = self.store.versions(job)
        if not rows:
            find(self.specs, job)
        head = self.store.head(job)
        return versions.with_good(rows, head, self.store.attempts(job))

    def kept(self) -> set[str]:
        """The versions whose code is here."""
        return bundle.kept(Path(self._settings.bundles))

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
        self.store.put_version(job, VersionRow(to, self._now_ms(), spec.model_dump_json()))
        action = self._start(Order(job, attempt, ROLLBACK, AUTOMATIC, reason))
        sentence = f"{job} was rolled back from version {wanted.version} to {to}, as attempt {action.attempt}: {ruling.why}."
        return replace(action, sentence=sentence)

    def _ruled(self, job: str, late: bool) -> tuple[Ruling, JobRow | None, int]:
        spec, kept = find(self.specs, job), self.kept()
        report = self._fleet.reports({job: spec})[0]
        seen = self._fleet.observe({job: spec})[job]
        current = seen.wanted.version if seen.wanted else ""
        there = [v for v in self.versions(job) if v.version == current or v.version in kept]
        return rule(seen, there, spec.health, report.lag_since, late), seen.wanted, seen.head.attempt if seen.head else 0

    # what a plan looks at

    def _spec_here(self, job: str) -> tuple[JobSpec, str]:
        """Raises BadSpec where there is one that does not fit, else UnknownJob."""
        try:
            spec = find(self.specs, job)
        except UnknownJob:
            wrong = [told for spec, told in read_all(Path(self._settings.jobs)) if spec is None and told.startswith(f"{job}/")]
            if wrong:
                raise BadSpec(wrong[0], "What runs goes on with the spec that was deployed.") from None
            raise
        return spec, bundle.version_of(Path(self._settings.jobs), spec)

    def _kept_spec(self, job: str, to: str) -> tuple[JobSpec, str]:
        row = versions.named(job, self.versions(job), self.kept(), to)
        try:
            return parse(row.spec, f"version {row.version}"), row.version
        except BadSpec as error:
            raise NotKept(
                f"This release cannot read the spec of version {row.version} of {job}: {error.what}", "Deploy what is here."
            ) from error

    def _look_at(self, topic: str) -> tuple[Topic | None, Check]:
        try:
            found = Topic(self._broker.topic_id(topic), self._broker.earliest_offsets(topic), self._broker.end_offsets(topic))
        except TopicMissing as error:
            return None, Check("topic", False, error.what)
        except NotRunning as error:
            return None, Check("topic", None, error.what)
        return found, Check("topic", True, f"{topic}, {len(found.ends)} partitions")

    def _application(self, job: str, spec: JobSpec, version: str) -> Check:
        """A version that was deployed before was imported then."""
        code, kept = Path(self._settings.jobs), Path(self._settings.bundles) / version
        if version in self.kept() and any(row.version == version for row in self.store.versions(job)):
            there = (kept / spec.application).is_file()
            return Check("application", there, f"{spec.application} {'was imported before' if there else 'is not in the kept version'}")
        return self._rehearse(code.parent, spec.application)

    def _ground(self, job: str, spec: JobSpec) -> tuple[Check, ...]:
        return preflight.tables(self.store.pending()), preflight.resources(spec.resources, self._cluster(job).room())

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

    def _runs(self, wanted: JobRow, version: str, head: Head) -> bool:
        return (wanted.desired, wanted.version) == ("running", version) and self._driver_lives(wanted.job, head)

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
        new = JobRow(spec.name, 0, desired, version, spec.model_dump_json(), who, reason, self._now_ms())
        self._change(wanted, new)

    def _change(self, wanted: JobRow | None, new: JobRow) -> None:
        new = replace(new, revision=wanted.revision + 1 if wanted else 1, changed_at=self._now_ms())
        if not self.store.set_job(wanted, new):
            raise Conflict(f"Somebody else changed {new.job} at the same moment.", f"Run: weir health {new.job}")

    def _driver_lives(self, job: str, head: Head) -> bool:
        """Raises NotRunning if that cannot be known: a second driver would do no harm, but nobody asked for one."""
        row = self._submitted(job, head.attempt)
        if row is None or not row.submission_id or row.exit_reason:
            return False
        state = self._cluster(job).state(row.submission_id)
        if state is DriverState.UNKNOWN:
            raise NotRunning(f"Spark's master does not say whether {job} runs.", "Look at: weir status")
        return not state.ended

    def _submitted(self, job: str, attempt: int) -> AttemptRow | None:
        """The attempt's row. Whoever has just taken it is given the time to submit its driver: of many deploys at once, one starts it."""
        while (
            (row := self._row(job, attempt))
            and not row.submission_id
            and row.cause != "stop"
            and self._now_ms() - row.taken_at <= SUBMIT_GRACE_MS
        ):
            self._sleep(0.2)
        return row


def _refuse(plan: Plan) -> None:
    """Raises DataLoss or Refused, if the plan is to be refused."""
    if plan.change.loss:
        raise DataLoss(f"{plan.job}: {'; '.join(plan.change.why)}.", f'Run: weir restart {plan.job} --accept-loss --reason "..."')
    if plan.kind is Kind.REFUSED:
        raise Refused(f"The deploy of {plan.job}, version {plan.version}, is refused: {plan.refusals}.", "Nothing was stopped.")
