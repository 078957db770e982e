"""What supervision leaves to the kind of a job: how a start is prepared, what is submitted, and what else may be observed.

The factory gives the manager one `KindSupport` for each kind, by name. Supervision looks it up by the spec, and knows no kind itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    before: Head  # the head that was there when the start was asked for
    head: Head  # the head now: its attempt is the one to start
    checkpoint: str  # URI of the folder that the driver is given
    partitions: Offsets  # those that the source has now; empty if it did not answer


class Preparation(Protocol):
    """Makes a job ready for its next driver."""

    def prepare(self, request: StartRequest, spec: JobSpec) -> Start:
        """Raises Conflict if the judged attempt is no longer the newest, and what keeps a driver from starting."""

    def started(self, start: Start) -> None:
        """Tidy up, once the driver is on its way. Never raises."""


class Probe(Protocol):
    """Evidence that a kind adds to the reports of its jobs. It never changes a verdict, and never raises."""

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object]:
        """Return evidence by key. What takes time is looked up while the time budget lasts, else what is known is returned."""

    def looked_at(self, job: str) -> int:
        """Return when the job was looked up last (ms), 0 for never: who has waited longest is looked at first."""


class KindSupport(Protocol):
    """One kind of job."""

    @property
    def fenced(self) -> bool:
        """Does the head keep a superseded driver from writing? If not, the old driver must have ended before the next one starts."""

    def keeps_checkpoint(self, spec: JobSpec) -> bool:
        """Does the driver keep its progress in the folder that it is given, as far as the spec says?"""

    def driver(self, spec: JobSpec, start: Start, code: Path) -> Submission:
        """Return what is submitted for an attempt, from the version's code."""

    def standby(self, spec: JobSpec, version: str, standby: str, code: Path) -> Submission:
        """Return what is submitted for a driver in waiting, from the version's code. Raises NotRunning if the source does not answer."""

    def probes(self, budget: TimeBudget) -> Sequence[Probe]:
        """Return the probes of one pass over the fleet, which share its time budget."""


Kinds = Mapping[str, KindSupport]
