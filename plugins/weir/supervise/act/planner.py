"""Plan a deploy: what would change, and the checks before it. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import is_folder, labels
from weir.errors import BadInput, BadSpec, FolderMissing, NotKept, NotRunning, TopicMissing
from weir.jobs import bundle, versions
from weir.jobs.bundle import Made
from weir.jobs.folders import check
from weir.jobs.models import model_of
from weir.jobs.options import Model
from weir.jobs.source import EARLIEST
from weir.jobs.spec import JobSpec, parse
from weir.ports.heads import HeadStore
from weir.ports.jobs import JobStore
from weir.ports.room import user_name
from weir.ports.schema import SchemaStore
from weir.ports.source import Subscription
from weir.supervise import java_zones, preflight
from weir.supervise.judge.epoch_start import Bounds
from weir.supervise.judge.lineage import forgotten
from weir.supervise.judge.plan import Change, Check, Kind, Plan, classify, classify_plain, differences
from weir.supervise.kind import Kinds
from weir.supervise.observe.versions import Versions
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.start.checkpoint_copies import CheckpointCopies
from weir.supervise.start.unfenced_drivers import UnfencedDrivers
from weir.supervise.topics import bounds, start_of

LOOKS, AGAIN_S = 3, 0.3  # at a checkpoint: Spark commits some 10 ms after a batch has landed


class Planner:
    def __init__(
        self, parts: Parts, register: Register, versions: Versions, copies: CheckpointCopies, kinds: Kinds, drivers: UnfencedDrivers
    ) -> None:
        self._parts, self._register, self._versions, self._copies = parts, register, versions, copies
        self._heads: HeadStore = parts.store
        self._jobs: JobStore = parts.store
        self._schema: SchemaStore = parts.store
        self._kinds, self._drivers = kinds, drivers

    def plan(self, job: str, to: str = "") -> Plan:
        """Return what a deploy would do: of the spec and the code of the job folder, or of the kept version that begins with `to`.

        Raises UnknownJob, BadSpec, NotKept, NotRunning (the store or the cluster does not answer).
        """
        made = None if to else self._made_here(job)
        spec, version = (made.spec, made.version) if made else self._kept_spec(job, to)
        model = made.model if made else model_of(self._parts.bundles.folder(version), spec)
        wanted, head = self._jobs.job(job), self._heads.head(job)
        before = wanted.version if wanted else ""
        if head and self._versions.runs(wanted, version, job, head.attempt):
            return Plan(job, version, before, spec, Change(Kind.NO_CHANGE, (f"it runs as attempt {head.attempt}",)), made=made)
        ran = self._register.ran(job) or (or_none(lambda: parse(wanted.spec, f"the spec of {job}")) if wanted else None)
        changed = _changes(ran, spec, model, version, before)
        there, ground = self._application(job, spec, version, made), self._ground(job, spec)
        if not self._kinds[spec.kind.name].fenced:
            topics = tuple(self._look_at(Subscription((name,)), head)[1] for name in spec.source.names)
            checks = (there, *topics, *ground, *self._old_driver(head))
            return Plan(job, version, before, spec, classify_plain(ran, spec), changed, checks, made)
        reads = spec.source.subscription
        topic, topic_check = self._look_at(reads, head)
        sources = (*([topic_check] if reads.topics or reads.pattern else []), *map(self._folder, reads.folders))
        change = classify(ran, spec, model, head, topic, self._finding(job, (ran or spec).source.subscription.single))
        begins = self._start(spec, topic) if head is None and topic else ()
        return Plan(
            job,
            version,
            before,
            spec,
            change,
            changed,
            (there, *sources, *begins, *self._kept(reads, topic), *ground),
            made,
        )

    def _old_driver(self, head: Head | None) -> tuple[Check, ...]:
        """Check that the current driver can be replaced. Without fencing it must be confirmed ended before the next one starts."""
        if head is None or not head.attempt:
            return ()
        why = self._drivers.why_not_ended(head)
        if not why:
            return (Check("driver", True, f"the driver of attempt {head.attempt} has ended, or can be ended"),)
        confirm = f'make sure that it has ended, then weir confirm-ended {head.job} --reason "..."'
        return (Check("driver", False, f"the driver of attempt {head.attempt} cannot be confirmed ended: {why}; {confirm}"),)

    def _made_here(self, job: str) -> Made:
        """Return the spec and code of the job folder. Raises BadSpec if the spec or its options are not valid, else UnknownJob."""
        folders = self._parts.settings.job_folders
        check(job, *folders)
        return bundle.made_of(self._register.find(job), *folders)

    def _kept_spec(self, job: str, to: str) -> tuple[JobSpec, str]:
        row = versions.named(job, self._versions.all(job), self._versions.kept(), to)
        try:
            return parse(row.spec, f"version {row.version}"), row.version
        except BadSpec as error:
            raise NotKept(
                f"This release cannot read the spec of version {row.version} of {job}: {error.what}",
                f"Deploy the present version: weir deploy {job}",
            ) from error

    def _look_at(self, reads: Subscription, head: Head | None) -> tuple[Bounds | None, Check]:
        try:
            found = bounds(self._parts.source, reads, head)
        except TopicMissing as error:
            return None, Check("topic", False, error.what)
        except NotRunning as error:
            return None, Check("topic", None, error.what)
        if reads.several and (missing := reads.missing(found.names.values())):
            return found, Check("topic", False, f"Kafka has no topic {', '.join(missing)}")
        which = f"{reads}: {', '.join(sorted(found.names.values()))}" if reads.pattern else ", ".join(reads.topics)
        partitions = [p for p in found.ends if not is_folder(p.source)]
        return found, Check("topic", True, f"{which}, {len(partitions)} partitions")

    def _folder(self, uri: str) -> Check:
        try:
            names = self._parts.folders.names(uri)
        except FolderMissing as error:
            return Check("folder", False, error.what)
        except NotRunning as error:
            return Check("folder", None, error.what)
        return Check("folder", True, f"{uri}, {len(names)} files")

    def _start(self, spec: JobSpec, topic: Bounds) -> tuple[Check, ...]:
        """Check where a job begins that was never deployed; nothing to say if that is its topics' beginning."""
        if spec.source.start == EARLIEST:
            return ()
        try:
            offsets = start_of(self._parts.source, spec.source, topic)
        except BadInput as error:
            return (Check("start", False, error.what),)
        except NotRunning as error:
            return (Check("start", None, error.what),)
        where = ", ".join(f"partition {label} at {offsets[p]}" for p, label in labels(offsets, topic.names).items())
        return (Check("start", True, f"it begins with {where}; earlier lines are not counted by this job"),)

    def _kept(self, reads: Subscription, topic: Bounds | None) -> tuple[Check, ...]:
        """Warn about topics that keep their records in a way that loses lines, or leaves their arrival to producers."""
        names = [name for name in sorted(topic.names.values()) or [reads.single] if not is_folder(name)] if topic else []
        kept = {name: found for name in names if (found := or_none(partial(self._parts.source.retention, name)))}
        return preflight.kept(
            [name for name, one in kept.items() if one.compacted], [name for name, one in kept.items() if one.claimed_times]
        )

    def _finding(self, job: str, topic: str) -> str:
        """Return why no checkpoint can be continued from what has landed; empty if one can, or if that is unknown.

        A batch that lands in between makes a short disagreement, so look again.
        """
        why = ""
        for _ in range(LOOKS):
            head, found = self._heads.head(job), or_none(lambda: self._parts.checkpoints.attempts(job))
            if head is None or found is None:
                return ""
            attempts = [attempt for epoch, attempt in found if epoch == head.epoch]
            why = forgotten(head, self._register.newest_landed(job)) or self._copies.leading(head, attempts, topic)[1]
            if not why:
                return ""
            self._parts.sleep(AGAIN_S)
        return why

    def _application(self, job: str, spec: JobSpec, version: str, made: Made | None) -> Check:
        """Check that the application can be imported.

        A version that was deployed before is not tried again: that takes a second of a core.
        """
        if made is None or (version in self._versions.kept() and any(row.version == version for row in self._jobs.versions(job))):
            there = (self._parts.bundles.folder(version) / spec.entry).is_file()
            return Check("application", there, f"{spec.entry} {'is' if there else 'is not'} in the kept version")
        tried = preflight.application(made, self._parts.rehearse)
        if tried.ok is False and spec.cluster != "standalone":  # its container image has its own Python
            return replace(tried, ok=None, text=f"{tried.text} (by this machine's Python, not the driver's)")
        return tried

    def _ground(self, job: str, spec: JobSpec) -> tuple[Check, ...]:
        return preflight.tables(self._schema.pending()), self._room(job, spec), *self._zones(spec)

    def _room(self, job: str, spec: JobSpec) -> Check:
        """Check the cluster's room, without what the job's own driver uses: it ends first."""
        free = self._register.cluster_of(job, spec).room()
        drivers = {a.submission_id: one for one in self._register.specs for a in self._register.newest(one)} if free else {}
        own = [user.name for user in free.users if user_name(user.name, drivers) == job] if free else []
        return preflight.resources(spec.resources, free, own, partial(user_name, jobs=drivers))

    def _zones(self, spec: JobSpec) -> tuple[Check, ...]:
        found = java_zones.check(spec.model_dump().get("options", {}), os.environ)
        if spec.cluster == "standalone":
            return found
        return tuple(replace(one, ok=one.ok and None, text=f"{one.text} (this machine's Java, not the driver's)") for one in found)


def _changes(ran: JobSpec | None, spec: JobSpec, model: Model, version: str, before: str) -> tuple[str, ...]:
    """Return what a deploy changes; nothing for a job that is new."""
    if not before:
        return ()
    return differences(ran, spec, model) if version != before else ("nothing: the driver restarts",)
