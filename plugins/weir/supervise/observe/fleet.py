"""Make one pass over many jobs: ask store, broker and clusters once for all jobs, and judge each job by itself.

A pass costs a few questions whatever the number of jobs: seven tables a hundred jobs at a time, three questions to the broker for all
topics and one more where jobs have patterns, and one to each kind of cluster. At first it reads the newest attempts only, and
judges an unhealthy job again with its history. Retention, and the probes of a job's kind, are looked up job by job, each now and then,
while the time budget of the pass lasts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from spark_jobs.runtime.contract import PROVEN
from weir.errors import NotRunning
from weir.jobs.spec import JobSpec
from weir.jobs.specs import in_force
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.ports.reports import JobSnapshot
from weir.supervise.judge.concern import as_evidence, concerns_of, continued, merged
from weir.supervise.judge.observation import Observation, submit_grace_ms, with_the_clusters_word
from weir.supervise.judge.queries import Queries
from weir.supervise.judge.report import CALM, Report, Verdict
from weir.supervise.judge.restart import READ_ENDING, decide, with_decision
from weir.supervise.judge.standby import asked_about, duty, in_a_word
from weir.supervise.judge.verdict import judge
from weir.supervise.kind import Kinds, Probe
from weir.supervise.observe.folder_watch import NOTHING, FolderWatch, Unread
from weir.supervise.observe.last_reports import LastReports
from weir.supervise.observe.progress_watch import ProgressWatch
from weir.supervise.observe.questions import Questions
from weir.supervise.observe.retention import Kept, RetentionWatch
from weir.supervise.parts import Parts
from weir.supervise.time_budget import TimeBudget
from weir.supervise.topics import Topics, ask

NEWEST, HISTORY = 3, 50  # attempts: the current one, the one before, and one in preparation; or as many as any rule needs
NOBODY: Mapping[str, str] = {}
START_MS = 10_000  # a driver and its executors need less where there is room
Specs = Mapping[str, JobSpec]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outside:
    """The answers of clusters, broker and checkpoints. What is missing is unknown."""

    drivers: Mapping[str, DriverState]  # by submission id
    topics: Topics
    queries: Mapping[str, Queries]  # by job, of jobs without fencing
    waits_for: Mapping[str, str] = field(default_factory=dict)  # by submission id, why a driver or its executors have not been started
    refusals: Mapping[str, str] = field(default_factory=dict)  # by kind of cluster, why it refused to answer
    folders: Mapping[str, Unread] = field(default_factory=dict)  # by job, of jobs that read folders


class Fleet:
    """Observes and judges jobs. With `keeps` False its reports are not stored."""

    def __init__(
        self, parts: Parts, kinds: Kinds, keeps: bool = True, budget: TimeBudget | None = None, questions: Questions | None = None
    ) -> None:
        self._parts, self._store, self._clusters, self._source = parts, parts.store, parts.clusters, parts.source
        self._questions, self._last_reports, self._budget = (
            questions or Questions(),
            LastReports(parts.store, keeps),
            budget or TimeBudget(),
        )
        self._retention, self._progress = RetentionWatch(parts.source, self._budget), ProgressWatch(parts.checkpoints, kinds)
        self._folders = FolderWatch(parts)
        self._of_kind = {name: kind.probes(self._budget) for name, kind in kinds.items()}

    def observe(self, specs: Specs) -> dict[str, Observation]:
        """Return an observation of each job, with its history. Raises NotRunning for the first job that the store does not answer for."""
        self._budget.begin()
        specs, snapshots, outside = self._look(specs, HISTORY)
        for job, snapshot in snapshots.items():
            if snapshot.trouble:
                raise NotRunning(f"{job}: {snapshot.trouble}", "See: weir status")
        return {job: self._observation(spec, snapshots[job], outside) for job, spec in specs.items()}

    def reports(self, specs: Specs) -> list[Report]:
        """Observe, judge and decide for each job, and store what is new. A job that cannot be judged is unknown; the others are judged."""
        self._budget.begin()
        snapshots, judged = self._judged(specs, NEWEST)
        doubtful = {job: spec for job, spec in specs.items() if judged[job].verdict not in CALM}
        if doubtful:
            again = self._judged(doubtful, HISTORY)
            snapshots, judged = {**snapshots, **again[0]}, {**judged, **again[1]}
        self._last_reports.keep(snapshots, judged)
        return [judged[job] for job in specs]

    # observe

    def _look(self, specs: Specs, history: int) -> tuple[Specs, Mapping[str, JobSnapshot], Outside]:
        """Ask the store first, then broker and clusters in parallel: in the other order a log would look truncated. Also return the specs
        in force."""
        snapshots = self._store.snapshots(list(specs), history)
        specs = {job: in_force(spec, snapshots[job].wanted) or spec for job, spec in specs.items()}
        heads, now = {job: snapshot.head for job, snapshot in snapshots.items()}, self._parts.now_ms()
        found, folders = self._progress.look(specs, heads, now), self._folders.look(specs, heads, now)
        names = {name for spec in specs.values() for name in spec.source.subscription.topics} | found.topics
        patterns = {spec.source.pattern for spec in specs.values() if spec.source.pattern}
        topics = self._questions.ask("the broker", lambda: ask(self._source, names, patterns), Topics())
        submissions = _submissions(specs, snapshots, now)
        asked = [self._ask(kind, ids) for kind, ids in submissions.items() if kind in self._clusters]
        drivers = {one: state for answer in asked for one, state in answer().items()}
        waits_for = self._waits_for(specs, snapshots, drivers)
        refusals = {kind: self._clusters[kind].refusal() for kind in submissions.keys() & self._clusters.keys()}
        return specs, snapshots, Outside(drivers, topics(), found.queries(topics().each), waits_for, refusals, folders)

    def _ask(self, kind: str, ids: list[str]) -> Callable[[], Mapping[str, DriverState]]:
        return self._questions.ask(kind, lambda: self._clusters[kind].states_of(ids), {})

    def _waits_for(self, specs: Specs, snapshots: Mapping[str, JobSnapshot], drivers: Mapping[str, DriverState]) -> Mapping[str, str]:
        """Ask the clusters why drivers wait that had time to start, by submission id."""
        jobs = {one: job for job, snapshot in snapshots.items() if (one := _submission(snapshot))}
        late = {one: job for one, job in jobs.items() if _is_late(snapshots[job], drivers.get(one), self._parts.now_ms())}
        found: dict[str, str] = {}
        for kind in sorted({specs[job].cluster for job in late.values()} & self._clusters.keys()):
            asked, cluster = [one for one, job in late.items() if specs[job].cluster == kind], self._clusters[kind]
            found |= self._questions.ask(f"{kind}'s room", partial(cluster.waits_for, asked, jobs), NOBODY)()
        return found

    def _observation(self, spec: JobSpec, snapshot: JobSnapshot, outside: Outside) -> Observation:
        now, reads = self._parts.now_ms(), spec.source.subscription
        topics = outside.topics.of(reads, snapshot.head)
        driver, queries = outside.drivers.get(_submission(snapshot), DriverState.UNKNOWN), outside.queries.get(spec.name)
        kept = self._retention.look(reads, snapshot.head, topics, now) if queries is None else Kept()
        folders = outside.folders.get(spec.name, NOTHING)
        topics = topics.beside(folders.files, reads, snapshot.head)
        return Observation(
            now=now,
            wanted=snapshot.wanted,
            head=snapshot.head,
            attempts=[with_the_clusters_word(a, driver) if _writes(a, snapshot) else a for a in snapshot.attempts],
            driver=driver,
            end_offsets=topics.ends,
            log_ends=topics.log_ends,
            earliest_offsets=topics.earliest,
            topic_id=topics.topic_id,
            topics=topics.names,
            source_fault=topics.fault,
            unlisted=folders.fault,
            records=snapshot.records,
            retention=kept.single,
            retentions=kept.by_source,
            unread_since=kept.unread_since,
            pauses=snapshot.pauses,
            standbys=snapshot.standbys,
            standby_states=outside.drivers,
            submit_grace_ms=submit_grace_ms(spec.cluster),
            queries=queries,
            stopped_at=self._parts.stopped_at() if spec.cluster == "standalone" else 0,
            waits_for=outside.waits_for.get(_submission(snapshot), ""),
            refusal=outside.refusals.get(spec.cluster, "") if driver is DriverState.UNKNOWN else "",
        )

    # judge

    def _judged(self, specs: Specs, history: int) -> tuple[Mapping[str, JobSnapshot], Mapping[str, Report]]:
        specs, snapshots, outside = self._look(specs, history)
        turns = sorted(specs, key=lambda job: self._looked_at(job, specs[job]))  # the one that has waited longest comes first
        return snapshots, {job: self._judge(job, specs[job], snapshots[job], outside) for job in turns}

    def _judge(self, job: str, spec: JobSpec, snapshot: JobSnapshot, outside: Outside) -> Report:
        if snapshot.trouble:
            return self._unknown(job, snapshot, snapshot.trouble)
        try:
            seen = self._observation(spec, snapshot, outside)
            before = self._last_reports.before(job, snapshot)
            report = judge(job, seen, spec.health, before)
            standby = {"standby": word} if (word := in_a_word(seen)) else {}
            evidence = {**report.evidence, **standby, **self._evidence(spec, seen, before)}
            report = replace(report, evidence=evidence, standby_act=str(duty(seen, report)))
            decision = decide(report, spec.restart, seen.attempts, seen.landed_attempt, seen.paused)
            return with_decision(report, READ_ENDING if seen.ending_unread and report.found is Verdict.DOWN else decision)
        except Exception as error:
            log.exception("%s could not be judged", job)
            return self._unknown(job, snapshot, f"it could not be judged: {error!r}")

    def _probes_of(self, spec: JobSpec) -> Sequence[Probe]:
        return self._of_kind.get(spec.kind.name, ())

    def _evidence(self, spec: JobSpec, seen: Observation, before: Report | None) -> Mapping[str, object]:
        """Return what the probes of the job's kind add. A concern of the last report stays while it is unknown whether it is over: a tick
        is a process of its own, and may have no time left to look at every job."""
        looks = [(probe.concern, probe.look(spec, seen)) for probe in self._probes_of(spec)]
        unknown = {kind for kind, found in looks if found is None}
        kept = [one for one in concerns_of(before.evidence) if one.kind in unknown] if before else []
        found = merged([*(found for _, found in looks if found is not None), as_evidence(kept)])
        return continued(found, before.evidence) if before else found

    def _looked_at(self, job: str, spec: JobSpec) -> int:
        return min((probe.looked_at(job) for probe in self._probes_of(spec)), default=0)

    def _unknown(self, job: str, snapshot: JobSnapshot, why: str) -> Report:
        """Return an unknown report that continues the last one:

        if it lasts, it becomes an alert. It is not stored if the store did not answer.
        """
        now, before = self._parts.now_ms(), self._last_reports.before(job, snapshot)
        since = before.since if before and before.verdict is Verdict.UNKNOWN else now
        found = Report(
            job, Verdict.UNKNOWN, 0, since, f"{job}: {why}", "weir status", at=0 if snapshot.trouble and not snapshot.report else now
        )
        if before is None:
            return found
        ends = {"end_offsets": before.evidence["end_offsets"]} if before.evidence.get("end_offsets") else {}
        same = {
            name: getattr(before, name)
            for name in ("attempt", "frontier", "lag_since", "lag_seen", "settled", "behind_since", "silent_since")
        }
        return replace(found, evidence={**ends, **as_evidence(concerns_of(before.evidence))}, **same)


def _submissions(specs: Specs, snapshots: Mapping[str, JobSnapshot], now: int) -> Mapping[str, list[str]]:
    """Return the submission ids of the newest drivers and of standbys, by kind of cluster."""
    found: dict[str, list[str]] = {}
    for job, spec in specs.items():
        newest, standbys = _submission(snapshots[job]), asked_about(snapshots[job].standbys, now)
        if ids := ([newest] if newest else []) + standbys:
            found.setdefault(spec.cluster, []).extend(ids)
    return found


def _is_late(snapshot: JobSnapshot, state: DriverState | None, now: int) -> bool:
    """Return whether the current driver had time to start, and is not known to have begun its work."""
    row = next((a for a in snapshot.attempts if _writes(a, snapshot)), None)
    if row is None or row.exit_reason or not row.submitted_at or now - row.submitted_at < START_MS:
        return False
    return state is DriverState.SUBMITTED or (state is DriverState.RUNNING and row.first_batch < 0 and row.proof not in ("", PROVEN))


def _submission(snapshot: JobSnapshot) -> str:
    """Return the submission id of the current attempt; empty if there is none yet."""
    return next((a.submission_id for a in snapshot.attempts if _writes(a, snapshot)), "")


def _writes(attempt: AttemptRow, snapshot: JobSnapshot) -> bool:
    """Return whether it is the current attempt."""
    return snapshot.head is not None and attempt.attempt == snapshot.head.attempt
