"""The port of reports: what a pass over the jobs reads, and what it keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from spark_jobs.protocol.head import Head
from weir.ports.attempts import AttemptRow
from weir.ports.jobs import JobRow
from weir.ports.standbys import StandbyRow
from weir.ports.timeline import Event, Pause


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


UNPROVEN = "unproven:"  # how the names of records of failed checks begin


def records_of(unproven: Mapping[str, str]) -> dict[str, str]:
    """Return the records of failed checks, by kind, as a snapshot has them."""
    return {UNPROVEN + work: record for work, record in unproven.items()}


class ReportStore(Protocol):
    """Snapshots of jobs, and the last report of each."""

    def report(self, job: str) -> str | None:
        """The last report as JSON."""

    def snapshots(self, jobs: Collection[str], history: int = 50) -> Mapping[str, JobSnapshot]:
        """What is known of each of many jobs, with its `history` newest attempts, in as few questions as the store allows. A job that
        cannot be read says so in its `trouble`, and never keeps the others from being read."""

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        """Keep what was said of jobs, in place of what was said before."""
