"""One pass over many jobs: each part of the world is asked once for all of them, and each job is judged by itself.

A pass costs a few questions whatever the number of jobs: seven tables a hundred jobs at a time, three questions to the broker for all
topics, and one to each kind of cluster. First it is a glance, with the newest attempts only. What does not look well is looked at with its
history before it is believed. Retention, and what the probes of a job's kind add, are looked at job by job, each now and then, while the
time budget of the pass lasts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Offsets, of_source
from weir.errors import NotRunning
from weir.jobs.spec import JobSpec
from weir.jobs.specs import in_force
from weir.ports.cluster import DriverState
from weir.ports.jobs import AttemptRow, Glance
from weir.ports.source import TopicGlance
from weir.supervise.kind import Kinds, Probe
from weir.supervise.last_reports import Memory
from weir.supervise.observation import Observation, submit_grace_ms, with_the_clusters_word
from weir.supervise.parts import Parts
from weir.supervise.progress_watch import Found, ProgressWatch
from weir.supervise.queries import Queries
from weir.supervise.questions import Questions
from weir.supervise.report import CALM, Report, Verdict
from weir.supervise.restart import READ_ENDING, decide, with_decision
from weir.supervise.retention import RetentionWatch
from weir.supervise.standby import asked_about, duty, in_a_word
from weir.supervise.time_budget import Spare
from weir.supervise.verdict import judge

GLANCE, HISTORY = 3, 50  # attempts: the current one, the one before, and one that is being made; or all that any rule asks for
UNREADABLE = "its checkpoint cannot be read"
NO_CHECKPOINT = "the arguments of its spec name no {checkpoint}"
NOTHING: Mapping[str, TopicGlance] = {}
Specs = Mapping[str, JobSpec]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outside:
    """What clusters and broker said, by submission id and by topic. Who is not in it is unknown. `queries` are those of jobs that nothing
    fences, by job."""

    drivers: Mapping[str, DriverState]
    topics: Mapping[str, TopicGlance]
    queries: Mapping[str, Queries]


class Fleet:
    """With `keeps` False its reports are for its caller alone: they are not kept in the store."""

    def __init__(
        self, parts: Parts, kinds: Kinds, keeps: bool = True, budget: Spare | None = None, questions: Questions | None = None
    ) -> None:
        self._parts, self._store, self._clusters, self._source = parts, parts.store, parts.clusters, parts.source
        self._questions, self._memory, self._spare = questions or Questions(), Memory(parts.store, keeps), budget or Spare()
        self._retention = RetentionWatch(parts.source, self._spare)
        self._kinds, self._progress = kinds, ProgressWatch(parts.checkpoints)
        self._of_kind = {name: kind.probes(self._spare) for name, kind in kinds.items()}

    def observe(self, specs: Specs) -> dict[str, Observation]:
        """What is known of each job, with its history. Raises NotRunning about the first that the store does not tell of."""
        self._spare.begin()
        specs, glances, outside = self._look(specs, HISTORY)
        for job, glance in glances.items():
            if glance.trouble:
                raise NotRunning(f"{job}: {glance.trouble}", "See: weir status")
        return {job: self._observation(spec, glances[job], outside) for job, spec in specs.items()}

    def reports(self, specs: Specs) -> list[Report]:
        """Observe, judge and decide for each job, and keep what is new. A job that cannot be judged is unknown; the others are judged."""
        self._spare.begin()
        glances, judged = self._judged(specs, GLANCE)
        doubtful = {job: spec for job, spec in specs.items() if judged[job].verdict not in CALM}
        if doubtful:
            again = self._judged(doubtful, HISTORY)
            glances, judged = {**glances, **again[0]}, {**judged, **again[1]}
        self._memory.keep(glances, judged)
        return [judged[job] for job in specs]

    # looking

    def _look(self, specs: Specs, history: int) -> tuple[Specs, Mapping[str, Glance], Outside]:
        """The store first: a log ends no earlier than what has landed, and would else look cut. Then broker and clusters side by side.
        Returns the specs that are in force, too."""
        glances = self._store.glance(list(specs), history)
        specs = {job: in_force(spec, glances[job].wanted) or spec for job, spec in specs.items()}
        found = self._found(specs, glances)
        names = {spec.source.topic for spec in specs.values() if spec.source.topic} | _topics(specs, found)
        topics = self._questions.ask("the broker", lambda: self._source.topics(names), NOTHING)
        submissions = _submissions(specs, glances, self._parts.now_ms())
        asked = [self._ask(kind, ids) for kind, ids in submissions.items() if kind in self._clusters]
        drivers = {one: state for answer in asked for one, state in answer().items()}
        return specs, glances, Outside(drivers, topics(), self._queries(specs, found, topics()))

    def _ask(self, kind: str, ids: list[str]) -> Callable[[], Mapping[str, DriverState]]:
        return self._questions.ask(kind, lambda: self._clusters[kind].states_of(ids), {})

    def _unfenced(self, specs: Specs) -> list[str]:
        return [job for job, spec in specs.items() if spec.kind.name in self._kinds and not self._kinds[spec.kind.name].fenced]

    def _found(self, specs: Specs, glances: Mapping[str, Glance]) -> Mapping[str, Found]:
        """What the checkpoints say of jobs that nothing fences, by job."""
        heads = {job: head for job in self._unfenced(specs) if (head := glances[job].head)}
        kept = {job: head for job, head in heads.items() if self._kinds[specs[job].kind.name].keeps_checkpoint(specs[job])}
        return self._progress.look(kept, self._parts.now_ms())

    def _queries(self, specs: Specs, found: Mapping[str, Found], topics: Mapping[str, TopicGlance]) -> Mapping[str, Queries]:
        ends = {name: topic.end_offsets for name, topic in topics.items() if topic.end_offsets is not None}

        def of(job: str) -> Queries:
            queries = Queries(found.get(job), {}, UNREADABLE if job in found else NO_CHECKPOINT)
            own = queries.topics | set(specs[job].source.names)
            return replace(queries, ends={name: ends[name] for name in sorted(own) if name in ends})

        return {job: of(job) for job in self._unfenced(specs)}

    def _observation(self, spec: JobSpec, glance: Glance, outside: Outside) -> Observation:
        now, topic = self._parts.now_ms(), outside.topics.get(spec.source.topic, TopicGlance())
        ends, earliest = (_by_partition(topic, offsets, glance.head) for offsets in (topic.end_offsets, topic.earliest_offsets))
        driver = outside.drivers.get(_submission(glance), DriverState.UNKNOWN)
        queries = outside.queries.get(spec.name)
        retention, unread_since = self._retention.look(spec.source.topic, glance.head, ends, now) if queries is None else (None, {})
        return Observation(
            now=now,
            wanted=glance.wanted,
            head=glance.head,
            attempts=[with_the_clusters_word(a, driver) if _writes(a, glance) else a for a in glance.attempts],
            driver=driver,
            end_offsets=ends,
            earliest_offsets=earliest,
            topic_id=topic.topic_id,
            records=glance.records,
            retention=retention,
            unread_since=unread_since,
            pauses=glance.pauses,
            standbys=glance.standbys,
            standby_states=outside.drivers,
            submit_grace_ms=submit_grace_ms(spec.cluster),
            queries=queries,
        )

    # judging

    def _judged(self, specs: Specs, history: int) -> tuple[Mapping[str, Glance], Mapping[str, Report]]:
        specs, glances, outside = self._look(specs, history)
        turns = sorted(specs, key=lambda job: self._looked_at(job, specs[job]))  # who has waited longest for a look comes first
        return glances, {job: self._judge(job, specs[job], glances[job], outside) for job in turns}

    def _judge(self, job: str, spec: JobSpec, glance: Glance, outside: Outside) -> Report:
        if glance.trouble:
            return self._unknown(job, glance, glance.trouble)
        try:
            seen = self._observation(spec, glance, outside)
            report = judge(job, seen, spec.health, self._memory.before(job, glance))
            standby = {"standby": word} if (word := in_a_word(seen)) else {}
            evidence = {**report.evidence, **standby, **self._evidence(spec, seen)}
            report = replace(report, evidence=evidence, standby_act=str(duty(seen, report)))
            decision = decide(report, spec.restart, seen.attempts, seen.landed_attempt, seen.paused)
            return with_decision(report, READ_ENDING if seen.ending_unread and report.found is Verdict.DOWN else decision)
        except Exception as error:
            log.exception("%s could not be judged", job)
            return self._unknown(job, glance, f"it could not be judged: {error!r}")

    def _probes_of(self, spec: JobSpec) -> Sequence[Probe]:
        return self._of_kind.get(spec.kind.name, ())

    def _evidence(self, spec: JobSpec, seen: Observation) -> Mapping[str, object]:
        """What the probes of the job's kind add."""
        return {key: value for probe in self._probes_of(spec) for key, value in probe.look(spec, seen).items()}

    def _looked_at(self, job: str, spec: JobSpec) -> int:
        return min((probe.looked_at(job) for probe in self._probes_of(spec)), default=0)

    def _unknown(self, job: str, glance: Glance, why: str) -> Report:
        """What lasts becomes an alert, so it goes on from the last report. Where the store told of nothing there is nothing to be kept."""
        now, before = self._parts.now_ms(), self._memory.before(job, glance)
        since = before.since if before and before.verdict is Verdict.UNKNOWN else now
        found = Report(
            job, Verdict.UNKNOWN, 0, since, f"{job}: {why}", "weir status", at=0 if glance.trouble and not glance.report else now
        )
        if before is None:
            return found
        ends = {"end_offsets": before.evidence["end_offsets"]} if before.evidence.get("end_offsets") else {}
        same = {
            name: getattr(before, name)
            for name in ("attempt", "frontier", "lag_since", "lag_seen", "settled", "behind_since", "silent_since")
        }
        return replace(found, evidence=ends, **same)


def _topics(specs: Specs, found: Mapping[str, Found]) -> set[str]:
    """Those that jobs with queries of their own read, by their spec or by their checkpoints."""
    return {topic for job, queries in found.items() for topic in Queries(queries).topics | set(specs[job].source.names)}


def _submissions(specs: Specs, glances: Mapping[str, Glance], now: int) -> Mapping[str, list[str]]:
    """The submission ids of the newest drivers and of standbys, by the kind of cluster."""
    found: dict[str, list[str]] = {}
    for job, spec in specs.items():
        newest, standbys = _submission(glances[job]), asked_about(glances[job].standbys, now)
        if ids := ([newest] if newest else []) + standbys:
            found.setdefault(spec.cluster, []).extend(ids)
    return found


def _submission(glance: Glance) -> str:
    """The submission of the attempt that may write now; empty if there is none yet."""
    return next((a.submission_id for a in glance.attempts if _writes(a, glance)), "")


def _writes(attempt: AttemptRow, glance: Glance) -> bool:
    """Is it the attempt that may write now?"""
    return glance.head is not None and attempt.attempt == glance.head.attempt


def _by_partition(topic: TopicGlance, offsets: Mapping[int, int] | None, head: Head | None) -> Offsets | None:
    """What the broker says by number; of the topic that the head counts, where it does not say of which."""
    source = topic.topic_id or (head.topic_id if head else "")
    return None if offsets is None else of_source(source, offsets)
