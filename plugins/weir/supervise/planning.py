"""Planning: what a deploy would do, by all that was looked at before it. Changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spark_jobs.protocol.head import Head
from weir.errors import BadSpec, NotKept, NotRunning, TopicMissing
from weir.jobs import bundle, versions
from weir.jobs.bundle import Made
from weir.jobs.folders import check
from weir.jobs.models import model_of
from weir.jobs.spec import JobSpec, parse
from weir.jobs.specs import find
from weir.ports.cluster import DriverState
from weir.ports.jobs import AttemptRow, JobRow, VersionRow
from weir.supervise import preflight
from weir.supervise.epoch_start import Topic
from weir.supervise.lineage import forgotten
from weir.supervise.observation import submit_grace_ms
from weir.supervise.parts import or_none
from weir.supervise.plan import Change, Check, Kind, Plan, classify, differences
from weir.supervise.starting import Starter

LOOKS, AGAIN_S = 3, 0.3  # at a checkpoint: Spark commits some 10 ms after a batch has landed


class Planner(Starter):
    def plan(self, job: str, to: str = "") -> Plan:
        """What a deploy would do: of the spec and the code that are here, or of the kept version that begins with `to`. Changes nothing.

        Raises UnknownJob, BadSpec, NotKept, NotRunning (the store or the cluster does not answer).
        """
        made = None if to else self._made_here(job)
        spec, version = (made.spec, made.version) if made else self._kept_spec(job, to)
        model = made.model if made else model_of(Path(self._settings.bundles) / version, spec)
        wanted, head = self.store.job(job), self.store.head(job)
        before = wanted.version if wanted else ""
        if head and self._runs(wanted, version, head):
            return Plan(job, version, before, spec, Change(Kind.NO_CHANGE, (f"it runs as attempt {head.attempt}",)), made=made)
        ran = self._ran(job) or (or_none(lambda: parse(wanted.spec, f"the spec of {job}")) if wanted else None)
        topic, told = self._look_at(spec.source.topic)
        changed = differences(ran, spec, model) if version != before else ("nothing: the driver is started again",)
        checks = (self._application(job, spec, version, made), told, *self._ground(job, spec))
        change = classify(ran, spec, model, head, topic, self._finding(job, spec.source.topic))
        return Plan(job, version, before, spec, change, changed, checks, made)

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

    # what a plan looks at

    def _made_here(self, job: str) -> Made:
        """Raises BadSpec where the spec or its options do not fit, else UnknownJob."""
        check(job, *self._settings.job_folders)
        return bundle.made_of(find(self.specs, job), *self._settings.job_folders)

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

    def _finding(self, job: str, topic: str) -> str:
        """Why no checkpoint leads on from what has landed, as far as that can be read; empty if one does. A driver that lands while it is
        looked at makes a moment's disagreement, so it is looked at again."""
        why = ""
        for _ in range(LOOKS):
            head, found = self.store.head(job), or_none(lambda: self._checkpoints.attempts(job))
            if head is None or found is None:
                return ""
            attempts = [attempt for epoch, attempt in found if epoch == head.epoch]
            why = forgotten(head, self._newest_row(job)) or self._leading(head, attempts, topic)[1]
            if not why:
                return ""
            self._sleep(AGAIN_S)
        return why

    def _application(self, job: str, spec: JobSpec, version: str, made: Made | None) -> Check:
        """What was deployed before is not tried again: many who deploy at once would each take a second of a core."""
        kept = Path(self._settings.bundles) / version
        if made is None or (version in self.kept() and any(row.version == version for row in self.store.versions(job))):
            there = (kept / spec.entry).is_file()
            return Check("application", there, f"{spec.entry} {'is' if there else 'is not'} in the kept version")
        tried = preflight.application(made, self._rehearse)
        if tried.ok is False and spec.cluster != "standalone":  # its image has a Python of its own
            return replace(tried, ok=None, text=f"{tried.text} (by this machine's Python, not the driver's)")
        return tried

    def _ground(self, job: str, spec: JobSpec) -> tuple[Check, ...]:
        return preflight.tables(self.store.pending()), preflight.resources(spec.resources, self._of_kind(job, spec.cluster).room())

    # does it run already?

    def _runs(self, wanted: JobRow | None, version: str, head: Head) -> bool:
        asked_for = wanted is not None and (wanted.desired, wanted.version) == ("running", version)
        return asked_for and self._driver_lives(head.job, version, head)

    def _driver_lives(self, job: str, version: str, head: Head) -> bool:
        """Of the version that is wanted: a deploy that failed halfway, tried again, was called done while the old code ran on.

        Raises NotRunning if that cannot be known: a second driver would do no harm, but nobody asked for one.
        """
        row = self._submitted(job, head.attempt)
        if row is None or not row.submission_id or row.exit_reason or row.version not in ("", version):
            return False
        state = self._cluster(job).state(row.submission_id)
        if state is DriverState.UNKNOWN:
            raise NotRunning(f"Spark's master does not say whether {job} runs.", "Look at: weir status")
        return not state.ended

    def _submitted(self, job: str, attempt: int) -> AttemptRow | None:
        """The attempt's row. Whoever has just taken it is given the time to submit its driver: of many deploys at once, one starts it."""
        grace = submit_grace_ms(self.spec(job).cluster)
        while (row := self._row(job, attempt)) and not row.submission_id and row.cause != "stop" and self._now_ms() - row.taken_at <= grace:
            self._sleep(0.2)
        return row
