"""What each kind of job must provide: how to prepare a start, what to submit, and what else to observe.

The factory gives the manager one `KindSupport` for each kind, by name. Supervision looks it up by the spec and contains no kind itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from spark_jobs.protocol.head import Head, Offsets
from weir.jobs.spec import JobSpec
from weir.ports.cluster import Submission
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.requests import StartRequest
from weir.supervise.time_budget import TimeBudget


@dataclass(frozen=True)
class Start:
    """An attempt that is ready for its driver."""

    version: str
    before: Head  # the head when the start was requested
    head: Head  # the new head: its attempt is the one to start
    checkpoint: str  # URI of the folder that the driver is given
    partitions: Offsets  # end offsets of the source now; empty if it did not answer


class Preparation(Protocol):
    """Makes a job ready for its next driver."""

    def prepare(self, request: StartRequest, spec: JobSpec) -> Start:
        """Prepare the start. Raises Conflict if the judged attempt is no longer the newest, and other errors that prevent a start."""

    def started(self, start: Start) -> None:
        """Clean up after the driver was submitted. Never raises."""


class Probe(Protocol):
    """Evidence that a kind adds to the reports of its jobs. It never changes a verdict, and never raises."""

    @property
    def concern(self) -> str:
        """Return the kind of its concerns; empty if it has none."""

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object] | None:
        """Return evidence by key; None while nothing is known. Slow lookups run while the time budget lasts; else return the last known
        values."""

    def looked_at(self, job: str) -> int:
        """Return when the job was looked up last (ms), 0 for never. The one that has waited longest is next."""


class KindSupport(Protocol):
    """One kind of job."""

    @property
    def fenced(self) -> bool:
        """Return whether the head keeps a superseded driver from writing. If not, the old driver must end before the next one starts."""

    def keeps_checkpoint(self, spec: JobSpec) -> bool:
        """Return whether the driver keeps its progress in its checkpoint folder, according to the spec."""

    def driver(self, spec: JobSpec, start: Start, code: str) -> Submission:
        """Return the submission for an attempt. `code` is where the driver finds the version: a folder, or a URI."""

    def standby(self, spec: JobSpec, version: str, standby: str, code: str) -> Submission:
        """Return the submission for a standby.

        `code` is where the driver finds the version: a folder, or a URI. Raises NotRunning if the source does not answer.
        """

    def probes(self, budget: TimeBudget) -> Sequence[Probe]:
        """Return the probes of one pass over the fleet, which share its time budget."""


Kinds = Mapping[str, KindSupport]
