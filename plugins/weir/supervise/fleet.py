"""One pass over many jobs: each part of the world is asked once for all of them, and each job is judged by itself.

A pass costs a few questions whatever the number of jobs: four tables a hundred jobs at a time, three questions to the broker for all
topics, and one to each kind of cluster. First it is a glance, with the newest attempts only. What does not look well is looked at with its
history before it is believed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weir.cluster.base import Broker, Cluster, JobStore
from weir.cluster.records import DriverState, Event, Glance, Kept, Topic
from weir.errors import NotRunning
from weir.supervise.probes import Probes
from weir.supervise.restart import decide, with_decision
from weir.supervise.spec import JobSpec
from weir.supervise.verdict import CALM, Observation, Report, Verdict, is_news, judge

GLANCE, HISTORY = 3, 50  # attempts: the current one, the one before, and one that is being made; or all that any rule asks for
NOTHING: Mapping[str, Topic] = {}
Specs = Mapping[str, JobSpec]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outside:
    """What clusters and broker said, by submission id and by topic. Who is not in it is unknown."""

    drivers: Mapping[str, DriverState]
    topics: Mapping[str, Topic]


class Fleet:
    def __init__(self, store: JobStore, clusters: Mapping[str, Cluster], broker: Broker, clock: Callable[[], float]) -> None:
        self._store, self._clusters, self._broker, self._clock = store, clusters, broker, clock
        self._probes = Probes()
        self._last: dict[str, tuple[str | None, Report]] = {}  # by job: the report in the store, and what was said since

    def observe(self, specs: Specs) -> dict[str, Observation]:
        """What is known of each job, with its history. Raises NotRunning about the first that the store does not tell of."""
        glances, outside = self._look(specs, HISTORY)
        for job, glance in glances.items():
            if glance.trouble:
                raise NotRunning(f"{job}: {glance.trouble}", "See: weir status")
        return {job: self._observation(spec, glances[job], outside) for job, spec in specs.items()}

    def reports(self, specs: Specs) -> list[Report]:
        """Observe, judge and decide for each job, and keep what is new. A job that cannot be judged is unknown; the others are judged."""
        glances, outside = self._look(specs, GLANCE)
        judged = {job: self._judge(job, spec, glances[job], outside) for job, spec in specs.items()}
        doubtful = [job for job, report in judged.items() if report.verdict not in CALM]
        for job, glance in (self._store.glance(doubtful, HISTORY) if doubtful else {}).items():
            glances[job], judged[job] = glance, self._judge(job, specs[job], glance, outside)
        self._keep(glances, judged)
        return list(judged.values())

    # looking

    def _look(self, specs: Specs, history: int) -> tuple[dict[str, Glance], Outside]:
        """Broker and store are asked at the same time; then the clusters, whose drivers the store knows."""
        names = {spec.source.topic for spec in specs.values()}
        topics = self._probes.ask("the broker", lambda: self._broker.topics(names), NOTHING)
        glances = dict(self._store.glance(list(specs), history))
        asked = [self._ask(kind, ids) for kind, ids in _submissions(specs, glances).items() if kind in self._clusters]
        drivers = {one: state for answer in asked for one, state in answer().items()}
        return glances, Outside(drivers, topics())

    def _ask(self, kind: str, ids: list[str]) -> Callable[[], Mapping[str, DriverState]]:
        return self._probes.ask(kind, lambda: self._clusters[kind].states_of(ids), {})

    def _observation(self, spec: JobSpec, glance: Glance, outside: Outside) -> Observation:
        topic = outside.topics.get(spec.source.topic, Topic())
        return Observation(
            now=self._now_ms(),
            wanted=glance.wanted,
            head=glance.head,
            attempts=glance.attempts,
            driver=outside.drivers.get(_submission(glance), DriverState.UNKNOWN),
            end_offsets=topic.end_offsets,
            earliest_offsets=topic.earliest_offsets,
            topic_id=topic.topic_id,
        )

    # judging

    def _judge(self, job: str, spec: JobSpec, glance: Glance, outside: Outside) -> Report:
        if glance.trouble:
            return self._unknown(job, glance.trouble)
        try:
            seen = self._observation(spec, glance, outside)
            report = judge(job, seen, spec.health, self._before(job, glance))
            return with_decision(report, decide(report, spec.restart, seen.attempts, seen.landed_attempt))
        except Exception as error:
            log.exception("%s could not be judged", job)
            return self._unknown(job, f"it could not be judged: {error!r}")

    def _unknown(self, job: str, why: str) -> Report:
        return Report(job, Verdict.UNKNOWN, 0, self._now_ms(), f"{job}: {why}", "weir status")

    def _before(self, job: str, glance: Glance) -> Report | None:
        """What was said last: by this pass's own memory, unless somebody else has kept another report since."""
        kept, report = self._last.get(job, (None, None))
        if report is not None and kept == glance.report:
            return report
        return _read(glance.report)

    # keeping

    def _keep(self, glances: Mapping[str, Glance], judged: Mapping[str, Report]) -> None:
        """What cannot be kept is judged anew by the next pass: it must not keep anything from being acted upon."""
        news: list[Kept] = []
        for job, report in judged.items():
            if not report.at:
                continue  # nothing was seen
            text = glances[job].report
            before = _read(text)
            if is_news(report, before):
                news.append(_kept(report, before))
            self._last[job] = text, report
        try:
            self._store.keep_reports(news)
        except NotRunning as error:
            log.warning("%d reports could not be kept: %s", len(news), error)
        else:
            self._last |= {kept.job: (kept.report, judged[kept.job]) for kept in news}

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _submissions(specs: Specs, glances: Mapping[str, Glance]) -> Mapping[str, list[str]]:
    """The newest drivers' submission ids, by the kind of cluster."""
    found: dict[str, list[str]] = {}
    for job, spec in specs.items():
        if submission := _submission(glances[job]):
            found.setdefault(spec.cluster, []).append(submission)
    return found


def _submission(glance: Glance) -> str:
    """The submission of the attempt that may write now; empty if there is none yet."""
    return next((a.submission_id for a in glance.attempts if glance.head and a.attempt == glance.head.attempt), "")


def _read(text: str | None) -> Report | None:
    """A kept report; none if another version of Weir wrote it in a form of its own."""
    try:
        return Report.from_json(text) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _kept(report: Report, before: Report | None) -> Kept:
    said = Event(report.at, "verdict", report.sentence, {"verdict": str(report.verdict), "attempt": report.attempt})
    return Kept(report.job, report.to_json(), said if before is None or before.verdict != report.verdict else None)
