"""The parts that a manager works with, and what is asked of them everywhere."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from spark_jobs.protocol.head import Head
from weir.errors import Conflict, NotRunning, UnknownJob, WeirError
from weir.jobs.spec import JobSpec
from weir.jobs.specs import find, spec_of
from weir.ports.checkpoints import Checkpoints
from weir.ports.cluster import Cluster
from weir.ports.jobs import AttemptRow, Event, JobRow, JobStore
from weir.ports.source import Broker
from weir.settings import Settings
from weir.supervise import pause
from weir.supervise.epoch_start import Topic
from weir.supervise.fleet import Fleet
from weir.supervise.preflight import Rehearse, not_rehearsed

T = TypeVar("T")

log = logging.getLogger(__name__)


class Parts:
    def __init__(
        self,
        specs: dict[str, JobSpec],
        store: JobStore,
        clusters: Mapping[str, Cluster],
        broker: Broker,
        checkpoints: Checkpoints,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        rehearse: Rehearse = not_rehearsed,
    ) -> None:
        self.specs, self.store, self._clusters, self._broker = specs, store, clusters, broker
        self._checkpoints, self._settings, self._clock, self._sleep = checkpoints, settings, clock, sleep
        self._rehearse = rehearse
        self._fleet = Fleet(store, clusters, broker, clock)
        self._onlooker = Fleet(store, clusters, broker, clock, keeps=False)
        self._users, self._closing, self._counting = 0, False, threading.Lock()

    def close(self) -> None:
        """Let go of the store, at once or when its last user has left it."""
        with self._counting:
            self._closing = True
            if self._users:
                return
        self.store.close()

    def enter(self) -> None:
        """For work that goes on behind whoever may close: a driver was submitted, and its submission could not be noted any more."""
        with self._counting:
            self._users += 1

    def leave(self) -> None:
        with self._counting:
            self._users -= 1
            if self._users or not self._closing:
                return
        self.store.close()

    def onlooker(self) -> Fleet:
        """Who judges as the watch does, and keeps no report. The watch goes on from the report that was kept last, by whomever: one that
        does not see the cluster, and calls a dead driver unknown, would put off its restart again and again."""
        return self._onlooker

    def spec(self, job: str) -> JobSpec:
        """What the job is judged and counted by. Raises UnknownJob, BadSpec."""
        return spec_of(self.specs, job, self.store.job(job))

    def known(self, job: str) -> None:
        """Of a job whose folder is gone there is still the timeline. Raises UnknownJob."""
        if job not in self.specs and not self.store.events(job, 1):
            find(self.specs, job)

    def _wanted_running(self, job: str) -> JobRow:
        find(self.specs, job)
        wanted = self.store.job(job)
        if wanted is None or wanted.desired != "running":
            raise Conflict(f"{job} is {'stopped' if wanted else 'not deployed'}.", f"Run: weir deploy {job}")
        return wanted

    def _head(self, job: str) -> Head:
        head = self.store.head(job)
        if head is None:
            raise UnknownJob(f"{job} was never deployed.", f"Run: weir deploy {job}")
        return head

    def _judged(self, job: str, judged: int | None) -> int:
        if judged is not None:
            return judged
        head = self.store.head(job)
        return head.attempt if head else 0

    def _row(self, job: str, attempt: int) -> AttemptRow | None:
        return next((a for a in self.store.attempts(job) if a.attempt == attempt), None)

    def _newest_row(self, job: str) -> Head | None:
        """The newest row of the ledger."""
        return next(iter(self.store.ledger(job)), None)

    def _paused(self, job: str) -> bool:
        """Has a person said that Weir leaves the job alone? Asked again before each act: the word may be younger than the report."""
        return bool(pause.in_force(self.store.pauses(job), self._now_ms()))

    def _topic(self, job: str) -> Topic:
        topic = self.spec(job).source.topic
        return Topic(self._broker.topic_id(topic), self._broker.earliest_offsets(topic), self._broker.end_offsets(topic))

    def _cluster(self, job: str) -> Cluster:
        """Raises NotRunning if this door has no way to the kind of cluster that the job's spec names."""
        return self._of_kind(job, self.spec(job).cluster)

    def _of_kind(self, job: str, kind: str) -> Cluster:
        if kind not in self._clusters:
            raise NotRunning(f"{job} runs on {kind}, which cannot be reached from here.", "See docs/clusters.md for the connection.")
        return self._clusters[kind]

    def _tell(self, job: str, kind: str, text: str, attempt: int, who: str, reason: str, detail: Mapping[str, object]) -> None:
        """Add a line to the timeline. What it tells of is done: a line that cannot be written is logged, and stops nothing."""
        try:
            self.store.add_event(job, Event(self._now_ms(), kind, text, detail, attempt, who, reason))
        except Exception:
            log.exception("the timeline of %s lacks a line: %s by %s: %s", job, kind, who, text)

    def _until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Ask again and again; False if it is not so in time."""
        deadline = self._clock() + within_s
        while not (met := condition()) and self._clock() < deadline:
            self._sleep(0.2)
        return met

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def or_none(probe: Callable[[], T]) -> T | None:
    """What a probe says, or None: a probe that fails is no news."""
    try:
        return probe()
    except WeirError:
        return None
