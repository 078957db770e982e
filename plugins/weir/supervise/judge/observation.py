"""An observation of a job at one moment, and what follows from it by arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from spark_jobs.protocol.head import Head, Offsets, Partition, landed
from spark_jobs.protocol.partition import NO_NAMES
from spark_jobs.runtime.contract import PROVEN
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
SPARK_SUBMIT_MS = 200_000  # the same for spark-submit, which may take three minutes: watch and tick replaced each other's starts
# A driver of a plain job needs 5 to 15 s to its first query, and prints nothing if there is nothing to read: one that could not even be
# imported was called ready, and its version good, in the second after its submission.
STARTS_MS = 15_000
KILLED_FOR_MEMORY = "the cluster killed the driver: it took more memory than it was given"


@dataclass(frozen=True)
class Observation:
    """The answers of all probes. None: the probe failed, unless said otherwise."""

    now: int  # ms
    wanted: JobRow | None  # the desired state; None: never deployed
    head: Head | None
    attempts: Sequence[AttemptRow] = ()  # newest first
    driver: DriverState = DriverState.UNKNOWN
    end_offsets: Offsets | None = None  # of what can be read: lines of open transactions cannot
    earliest_offsets: Offsets | None = None
    topic_id: str | None = None
    topics: Mapping[str, str] | None = None  # topic names by id, of a job that may read several
    source_fault: str = ""  # why the broker did not say something; empty: unknown
    unlisted: str = ""  # why the unread files of a folder are unknown; empty: they are known, or the job reads none
    records: Mapping[str, str] = field(default_factory=dict)  # what the job's kind stores beside the head, as JSON by name
    retention: Retention | None = None
    retentions: Mapping[str, Retention] = field(default_factory=dict)  # by topic id, of a job that may read several
    unread_since: Offsets = field(default_factory=dict)  # when the first unread record was appended (ms), by partition
    pauses: Sequence[Pause] = ()  # the newest of each kind, ended or not
    standbys: Sequence[StandbyRow] = ()  # newest first
    standby_states: Mapping[str, DriverState] = field(default_factory=dict)  # by submission id
    submit_grace_ms: int = SUBMIT_GRACE_MS
    stopped_at: int = 0  # when the cluster was stopped on request with all its drivers (ms); 0: never
    waits_for: str = ""  # why the driver, or all of its executors, have not been started; empty: they have, or nobody says
    refusal: str = ""  # why the cluster refused to say how the driver is; empty: it did not
    log_ends: Offsets = field(default_factory=dict)  # where an open transaction holds back the end: the end with its records
    queries: Queries | None = None  # progress from the job's own checkpoints, of a job without fencing; None: a job with fencing

    @property
    def fenced(self) -> bool:
        """Return whether the head fences: it keeps a superseded driver from writing, and says what has landed."""
        return self.queries is None

    @property
    def frontier(self) -> Mapping[str, int]:
        """Return where the landed part ends, by partition, with labels for operators and reports."""
        if self.queries is not None:
            return self.queries.frontier
        return self.head.shown_frontier if self.head else {}

    @property
    def landed_at(self) -> int:
        """Return when the newest batch landed, or was committed (ms), 0 for none."""
        if self.queries is not None:
            return self.queries.committed_at
        return self.head.landed_at if self.head else 0

    @property
    def begun(self) -> bool:
        """Return whether the current driver is known to have begun its work."""
        if self.queries is not None:
            row, runs = self.attempt, self.driver is DriverState.RUNNING and bool(self.queries.found)
            return self.landed_now or (runs and row is not None and self.now - row.submitted_at > STARTS_MS)
        return bool(self.head and self.head.incarnation)

    @property
    def landed_now(self) -> bool:
        """Return whether the current attempt has landed the newest batch."""
        if self.head is None:
            return False
        if self.queries is not None:
            return bool(self.head.attempt) and self.landed_attempt == self.head.attempt
        return self.head.by == self.head.attempt and bool(self.head.landed_at)

    @property
    def landed_ever(self) -> bool:
        """Return whether the current attempt has landed any batch."""
        return self.landed_now or bool(self.head and self.head.attempt and self.landed_attempt == self.head.attempt)

    @property
    def proven(self) -> bool:
        """Return whether the current attempt is known to work: it has landed a batch, or rehearsed one without input."""
        return self.landed_ever or bool(self.attempt and self.attempt.proof == PROVEN)

    @property
    def rehearses_nothing(self) -> bool:
        """Return whether the driver cannot prove without input that it works: of a plain job, or of an earlier release."""
        return not self.fenced or not (self.attempt and self.attempt.proof)

    @property
    def stopped_with_stack(self) -> bool:
        """Return whether the driver was running when its cluster was stopped on request, which ended it.

        A stop in the future was noted by a clock that has been set back, and a driver that has landed since outlived it.
        """
        row = self.attempt
        ended_otherwise = row is not None and row.exit_reason not in ("", "lost")
        lives = self.stopped_at > self.now or (self.landed_now and self.landed_at > self.stopped_at)
        return bool(row and row.submission_id and row.submitted_at <= self.stopped_at) and not ended_otherwise and not lives

    @property
    def lacks_resources(self) -> bool:
        """Return whether the cluster has not started the current driver, or none of its executors, and it has proven nothing.

        YARN says so for a while of drivers that run, after its ResourceManager was restarted.
        """
        return not self.proven and (bool(self.waits_for) or (self.driver is DriverState.SUBMITTED and not self.begun))

    @property
    def ending_unread(self) -> bool:
        """Return whether a driver without an exit reason has ended and its output was not read yet.

        One of a job with fencing notes its exit in the store, unless it never came that far.
        """
        row, mute = self.attempt, not self.fenced or (self.driver is DriverState.FAILED and not (self.head and self.head.incarnation))
        return mute and bool(row and row.submission_id and not row.exit_reason) and self.driver.confirmed

    @property
    def paused(self) -> Sequence[Pause]:
        """Return the active pauses (hold or maintenance)."""
        return in_force(self.pauses, self.now)

    @property
    def blind(self) -> str:
        """Return why the lag is unknown, for a sentence."""
        return (self.unlisted if self.end_offsets is not None else self.source_fault).removesuffix(".") or "the broker did not answer"

    @property
    def lag(self) -> int | None:
        """Return how many lines and files the sources have that have not landed; None if unknown."""
        if self.queries is not None:
            return self.queries.lag
        if self.head is None or self.end_offsets is None or self.unlisted:
            return None
        begins = self.begins
        return sum(max(0, end - begins.get(p, 0)) for p, end in self.end_offsets.items())

    @property
    def begins(self) -> Offsets:
        """Return where reading continues: after what has landed, and at the beginning of topics that are new to the job."""
        if self.head is None:
            return {}
        return {**self._there.frontier(self.head), **self._there.joining(self.head)}

    @property
    def _there(self) -> Bounds:
        return Bounds(self.earliest_offsets or {}, self.end_offsets or {}, self.topics or NO_NAMES, self.log_ends)

    @property
    def names(self) -> Mapping[str, str]:
        """Return the topic names by id; empty for a job of a single topic."""
        return {**(self.head.names if self.head else NO_NAMES), **(self.topics or NO_NAMES)}

    @property
    def attempt(self) -> AttemptRow | None:
        """Return the row of the current attempt; None if there is none."""
        return next((a for a in self.attempts if self.head is not None and a.attempt == self.head.attempt), None)

    @property
    def landed_attempt(self) -> int:
        """Return the newest attempt that landed a batch, 0 for none."""
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
        """Return the spans [from, to) that can no longer be read, by partition; `to` < `from` if the log was truncated."""
        if self.head is None or self.earliest_offsets is None or self.end_offsets is None or self.another_topic or not self.fenced:
            return {}
        return lost_of(self.head, self._there)

    @property
    def another_topic(self) -> bool:
        """Return whether the topic is not the one that the head counts, but a new one of the same name."""
        return bool(self.head and self.topic_id and self.head.topic_id and self.topic_id != self.head.topic_id)

    @property
    def gone(self) -> frozenset[str]:
        """Return the ids of counted topics that no longer exist, of a job that may read several."""
        return frozenset() if self.head is None or self.topics is None else self.head.sources - self.topics.keys() - {""}

    @property
    def retention_minutes(self) -> Mapping[Partition, float]:
        """Return in how many minutes retention may delete the first unread record, by partition.

        Kafka may keep it longer, never shorter.
        """
        kept = {p: self.retentions.get(p.source, self.retention) for p in sorted(self.unread_since)}
        ms = {p: known.ms for p, known in kept.items() if known is not None and known.ms is not None}
        return {p: round((self.unread_since[p] + keeps - self.now) / 60_000, 1) for p, keeps in ms.items()}


def submit_grace_ms(cluster: str) -> int:
    """Return how long a start may take on this kind of cluster, from the takeover to the record of the submission (ms)."""
    return SUBMIT_GRACE_MS if cluster == "standalone" else SPARK_SUBMIT_MS


def with_the_clusters_word(row: AttemptRow, driver: DriverState) -> AttemptRow:
    """Add an end that only the cluster knows to an attempt's row.

    A driver killed for its memory records no exit, and a Python process that outlives the JVM only knows that the JVM is gone.
    """
    if driver is not DriverState.OUT_OF_MEMORY or row.exit_reason not in ("", "lost"):
        return row
    return replace(row, exit_reason=str(driver), exit_error=KILLED_FOR_MEMORY)
