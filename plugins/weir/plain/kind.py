"""The plain kind for supervision: Spark applications that import nothing of Weir."""

from __future__ import annotations

from collections.abc import Sequence

from weir.errors import NotRunning
from weir.jobs.spec import JobSpec, PlainSpec
from weir.ports.cluster import Submission
from weir.settings import Settings
from weir.supervise.kind import Probe, Start
from weir.supervise.start.submission import plain_submission
from weir.supervise.time_budget import TimeBudget


class PlainKind:
    """Jobs without fencing: a driver is replaced only when it is confirmed ended."""

    fenced = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keeps_checkpoint(self, spec: JobSpec) -> bool:
        return isinstance(spec, PlainSpec) and spec.asks_for("checkpoint")

    def driver(self, spec: JobSpec, start: Start, code: str) -> Submission:
        assert isinstance(spec, PlainSpec)
        return plain_submission(spec, start.head.attempt, start.version, start.checkpoint, code, self._settings)

    def standby(self, spec: JobSpec, version: str, standby: str, code: str) -> Submission:
        """Raise NotRunning: plain jobs have no standby, and their spec cannot ask for one."""
        raise NotRunning(f"{spec.name} is a plain job, which has no standby.", "Remove `standby` from its job.yaml.")

    def probes(self, budget: TimeBudget) -> Sequence[Probe]:
        return []
