"""What was seen of a job at one moment, and what follows from it by arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from spark_jobs.protocol.head import Head, Offsets, Partition, landed
from spark_jobs.protocol.partition import NO_NAMES
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.ports.jobs import JobRow
from weir.ports.source import Retention
from weir.ports.standbys import StandbyRow
from weir.ports.timeline import Pause
from weir.supervise.judge.epoch_start import Bounds, Spans, lost_of
from weir.supervise.judge.pause import in_force
from weir.supervise.judge.queries import Queries

SUBMIT_GRACE_MS = 15_000  # between a takeover and the note of its submission; a standalone master takes well under a second for one
SPARK_SUBMIT_MS = 200_000  # the same where spark-submit starts drivers, which is given three minutes: each eye replaced the other's start
# A driver that nothing fences needs 5 to 15 s to its first query, and says nothing if there is nothing to read: one that could not even be
# imported was called ready, and its version good, in the second after its submission.
STARTS_MS = 15_000
KILLED_FOR_MEMORY = "the cluster killed the driver: it took more memory than it was given"


@dataclass(frozen=True)
class Observation:
    """What the probes said, at `now` (ms). None stands for a probe that failed, except for `wanted`: the job was never deployed."""

    now: int
    wanted: JobRow | None
    head: Head | None
    attempts: Sequence[AttemptRow] = ()  # newest first
    driver: DriverState = DriverState.UNKNOWN
    end_offsets: Offsets | None = None
    earliest_offsets: Offsets | None = None
    topic_id: str | None = None
    topics: Mapping[str, str] | None = None  # of a job that may have several: their names by id
    records: Mapping[str, str] = field(default_factory=dict)  # what the job's kind keeps beside its head, as JSON by name
    retention: Retention | None = None
    retentions: Mapping[str, Retention] = field(default_factory=dict)  # of a job that may have several topics: by their ids
    unread_since: Offsets = field(default_factory=dict)  # when the first unread record was appended (ms), by partition
    pauses: Sequence[Pause] = ()  # the last word of each kind, ended or not
    standbys: Sequence[StandbyRow] = ()  # newest first
    standby_states: Mapping[str, DriverState] = field(default_factory=dict)  # by submission id
    submit_grace_ms: int = SUBMIT_GRACE_MS
    queries: Queries | None = None  # what a job's own checkpoints say of its progress, where the head does not: nothing fences it

    @property
    def fenced(self) -> bool:
        """Does the head keep a superseded driver from writing, and say what has landed?"""
        return self.queries is None

    @property
    def frontier(self) -> Mapping[str, int]:
        """Where what has landed ends, by partition, as people and reports see it."""
        if self.queries is not None:
            return self.queries.frontier
        return self.head.shown_frontier if self.head else {}

    @property
    def landed_at(self) -> int:
        """When the newest batch landed, or was committed (ms), 0 for none."""
        if self.queries is not None:
            return self.queries.committed_at
        return self.head.landed_at if self.head else 0

    @property
    def begun(self) -> bool:
        """Has the driver that may write now begun its work, as far as anybody can tell?"""
        if self.queries is not None:
            row, runs = self.attempt, self.driver is DriverState.RUNNING and bool(self.queries.found)
            return self.landed_now or (runs and row is not None and self.now - row.submitted_at > STARTS_MS)
        return bool(self.head and self.head.incarnation)

    @property
    def landed_now(self) -> bool:
        """Has the attempt that may write now landed the newest batch?"""
        if self.head is None:
            return False
        if self.queries is not None:
            return bool(self.head.attempt) and self.landed_attempt == self.head.attempt
        return self.head.by == self.head.attempt and bool(self.head.landed_at)

    @property
    def ending_unread(self) -> bool:
        """Has a driver ended that leaves no exit reason itself, and has nobody read yet what it printed?"""
        row = self.attempt
        return not self.fenced and bool(row and row.submission_id and not row.exit_reason) and self.driver.confirmed

    @property
    def paused(self) -> Sequence[Pause]:
        """What is in force of a person's word that Weir leaves the job alone."""
        return in_force(self.pauses, self.now)

    @property
    def lag(self) -> int | None:
        """Lines that the broker has and that have not landed."""
        if self.queries is not None:
            return self.queries.lag
        if self.head is None or self.end_offsets is None:
            return None
        begins = self.begins
        return sum(max(0, end - begins.get(p, 0)) for p, end in self.end_offsets.items())

    @property
    def begins(self) -> Offsets:
        """Where reading goes on: behind what has landed, and where the topics begin that are new to the job."""
        if self.head is None:
            return {}
        return {**self._there.frontier(self.head), **self._there.joining(self.head)}

    @property
    def _there(self) -> Bounds:
        return Bounds(self.earliest_offsets or {}, self.end_offsets or {}, self.topics or NO_NAMES)

    @property
    def names(self) -> Mapping[str, str]:
        """The names of the topics by id; empty for a job of a single one."""
        return {**(self.head.names if self.head else NO_NAMES), **(self.topics or NO_NAMES)}

    @property
    def attempt(self) -> AttemptRow | None:
        """The row of the attempt that may write now."""
        return next((a for a in self.attempts if self.head is not None and a.attempt == self.head.attempt), None)

    @property
    def landed_attempt(self) -> int:
        """The newest attempt that landed a batch, 0 for none."""
        if self.head is None:
            return 0
        if self.queries is not None:  # an attempt starts after the one before it has ended
            at = self.queries.committed_at
            return next((a.attempt for a in self.attempts if a.submission_id and a.submitted_at <= at), 0)
        firsts = {a.attempt: (a.epoch, a.first_batch) for a in self.attempts if a.first_batch >= 0}
        newest = landed(self.head, firsts).newest
        return newest[0] if newest else 0

    @property
    def lost(self) -> Spans:
        """Spans [from, to) that cannot be read any more, by partition; `to` before `from` where the log was cut behind what has landed."""
        if self.head is None or self.earliest_offsets is None or self.end_offsets is None or self.another_topic or not self.fenced:
            return {}
        return lost_of(self.head, self._there)

    @property
    def another_topic(self) -> bool:
        """Is the topic not the one that the head counts, but one of the same name?"""
        return bool(self.head and self.topic_id and self.head.topic_id and self.topic_id != self.head.topic_id)

    @property
    def gone(self) -> frozenset[str]:
        """The ids of topics that the head counts and that are not there any more, of a job that may have several."""
        return frozenset() if self.head is None or self.topics is None else self.head.sources - self.topics.keys() - {""}

    @property
    def retention_minutes(self) -> Mapping[Partition, float]:
        """How long the first unread record is kept at the least, by partition, in minutes: Kafka may keep it longer, never shorter."""
        kept = {p: self.retentions.get(p.source, self.retention) for p in sorted(self.unread_since)}
        ms = {p: known.ms for p, known in kept.items() if known is not None and known.ms is not None}
        return {p: round((self.unread_since[p] + keeps - self.now) / 60_000, 1) for p, keeps in ms.items()}


def submit_grace_ms(cluster: str) -> int:
    """How long whoever starts a driver on this kind of cluster may need from taking over to noting its submission."""
    return SUBMIT_GRACE_MS if cluster == "standalone" else SPARK_SUBMIT_MS


def with_the_clusters_word(row: AttemptRow, driver: DriverState) -> AttemptRow:
    """The row of an attempt, with the end that only the cluster can tell: who is killed for memory has no last words, and a Python process
    that outlives the JVM only knows that this is gone."""
    if driver is not DriverState.OUT_OF_MEMORY or row.exit_reason not in ("", "lost"):
        return row
    return replace(row, exit_reason=str(driver), exit_error=KILLED_FOR_MEMORY)
