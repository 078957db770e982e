"""The port of the supervisor: what is wanted of jobs, their attempts, versions, standbys, timeline and reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from spark_jobs.protocol.head import Head
from weir.ports.alerts import AlertStore
from weir.ports.counts import CountStore
from weir.ports.requests import RequestStore


@dataclass(frozen=True)
class JobRow:
    """What a person or a deploy asked for; changed only by compare-and-set on `revision`."""

    job: str
    revision: int
    desired: str  # running or stopped
    version: str
    spec: str  # the spec as JSON, as it was deployed
    changed_by: str
    reason: str
    changed_at: int


@dataclass(frozen=True)
class VersionRow:
    """A version of a job that was deployed: its spec as JSON, and whether an attempt of it has ever become ready."""

    version: str
    deployed_at: int  # ms, the last time
    spec: str
    good: bool = False


@dataclass(frozen=True)
class AttemptRow:
    """One start of a driver. Times are in ms, 0 for "not yet"; `exit_reason` is empty for one that runs, or was killed for no
    known reason."""

    attempt: int
    cause: str = ""  # deploy, restart, rebuild
    who: str = ""
    reason: str = ""
    taken_at: int = 0
    version: str = ""
    submission_id: str = ""
    submitted_at: int = 0
    incarnation: str = ""
    exit_reason: str = ""
    exit_error: str = ""
    exit_batch: int = -1
    exited_at: int = 0
    epoch: int = 0
    first_batch: int = -1  # the first batch that it set out to claim

    @property
    def used(self) -> bool:
        """Did a driver ever have this number? A row that was only noted belongs to nobody: two supervisors may note the same one."""
        return bool(self.submission_id or self.incarnation or self.exit_reason) or self.first_batch >= 0


@dataclass(frozen=True)
class StandbyRow:
    """A driver in waiting. Times are in ms, 0 for "not yet"; `attempt` is the one that it was called up for, 0 for none."""

    id: str
    version: str
    submitted_at: int
    submission_id: str = ""
    ready_at: int = 0
    incarnation: str = ""
    attempt: int = 0
    arguments: str = ""
    retired_at: int = 0

    @property
    def waits(self) -> bool:
        """Does it wait, or is on its way to? Who was called up is a driver like any other, whatever else was said."""
        return not self.attempt and not self.retired_at


@dataclass(frozen=True)
class Event:
    """A line of a job's timeline. `who` is a person, or weir; `attempt` is the one that it is about, 0 for none."""

    at: int  # ms
    kind: str
    text: str
    detail: Mapping[str, object] = field(default_factory=dict)
    attempt: int = 0
    who: str = "weir"
    reason: str = ""

    @property
    def id(self) -> str:
        """Made from what happened: the same line, written again, is the same row."""
        told = json.dumps([self.kind, self.attempt, self.who, self.reason, self.text])
        return hashlib.sha256(told.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Pause:
    """A person's word that Weir leaves a job alone. `kind` is hold or maintenance; `until` (ms) is when it ends, 0 for not of itself."""

    kind: str
    who: str
    reason: str
    since: int  # ms
    until: int = 0


@dataclass(frozen=True)
class JobSnapshot:
    """What the store knows of a job at one moment."""

    wanted: JobRow | None = None  # None: it was never deployed
    head: Head | None = None
    attempts: Sequence[AttemptRow] = ()  # the newest, newest first
    report: str | None = None  # the last report, as JSON
    records: Mapping[str, str] = field(default_factory=dict)  # what the job's kind keeps beside its head, as JSON by name
    pauses: Sequence[Pause] = ()  # the last of each kind, ended or not
    standbys: Sequence[StandbyRow] = ()  # the newest, newest first
    trouble: str = ""  # why nothing of this could be read, except perhaps the last report; empty if it could


@dataclass(frozen=True)
class Kept:
    """A report as JSON, and the line of the timeline that goes with it, if its verdict is a new one."""

    job: str
    report: str
    event: Event | None = None


class JobStore(CountStore, AlertStore, RequestStore, Protocol):
    """What the manager keeps: what is wanted, each attempt, the timeline and the last reports."""

    def close(self) -> None:
        """Let go of the connections."""

    def job(self, job: str) -> JobRow | None:
        """What is wanted of a job (serial consistency)."""

    def jobs(self) -> Sequence[JobRow]:
        """What is wanted of every job that was ever deployed."""

    def desired(self, job: str) -> str:
        """The same as drivers see it: `running` or `stopped`; empty if the job was never deployed."""

    def set_job(self, expected: JobRow | None, new: JobRow) -> bool:
        """Change what is wanted if `expected` is what was wanted."""

    def versions(self, job: str) -> Sequence[VersionRow]:
        """Every version that was deployed, the last one first."""

    def put_version(self, job: str, row: VersionRow) -> None:
        """Note that a version is being deployed. Whether it is good stays as it is."""

    def put_good(self, job: str, version: str) -> None:
        """Note that an attempt of a version has become ready."""

    def pending(self) -> Sequence[str]:
        """The migrations of the schema that this release has and the store has not, in order."""

    def attempts(self, job: str, limit: int = 50) -> Sequence[AttemptRow]:
        """The newest attempts, newest first."""

    def put_attempt(self, job: str, row: AttemptRow) -> None:
        """Note why an attempt is about to be taken, before it is."""

    def put_submitted(self, job: str, attempt: int, submission_id: str, at: int) -> None:
        """Note the driver that was started for an attempt."""

    def put_exit(self, job: str, attempt: int, incarnation: str, reason: str, error: str, batch_id: int) -> None:
        """Note how an attempt ended: its driver's last words, or why it never had one (then without an incarnation)."""

    def add_event(self, job: str, event: Event) -> None:
        """Add a line to the timeline. The same line, added again, is there once."""

    def events(self, job: str, limit: int = 50, after: tuple[int, str] | None = None) -> Sequence[Event]:
        """The newest lines of the timeline, newest first; with `after`, those that follow on the line of that time (ms) and id."""

    def put_pause(self, job: str, pause: Pause) -> None:
        """Keep a person's word in place of the last one of its kind."""

    def pauses(self, job: str) -> Sequence[Pause]:
        """The last word of each kind, ended or not."""

    def standbys(self, job: str) -> Sequence[StandbyRow]:
        """The newest standbys, newest first."""

    def put_standby(self, job: str, row: StandbyRow) -> None:
        """Note a standby that is about to be submitted, or has been: its version, its submission and when."""

    def call_up(self, job: str, standby_id: str, attempt: int, arguments: str) -> None:
        """Give a standby an attempt, with the arguments of its driver. It looks by itself."""

    def retire(self, job: str, standby_id: str, at: int) -> None:
        """Let a standby that waits end by itself."""

    def report(self, job: str) -> str | None:
        """The last report as JSON."""

    def snapshots(self, jobs: Collection[str], history: int = 50) -> Mapping[str, JobSnapshot]:
        """What is known of each of many jobs, with its `history` newest attempts, in as few questions as the store allows. A job that
        cannot be read says so in its `trouble`, and never keeps the others from being read."""

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        """Keep what was said of jobs, in place of what was said before."""
