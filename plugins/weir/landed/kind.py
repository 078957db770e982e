"""Make the submissions of landed jobs' drivers, for supervision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from weir.errors import NotRunning
from weir.jobs.landed_spec import LandedSpec
from weir.jobs.spec import JobSpec
from weir.ports.cluster import Submission
from weir.settings import Settings
from weir.supervise.kind import Probe, Start
from weir.supervise.start.driver_arguments import driver_arguments
from weir.supervise.start.submission import submission
from weir.supervise.time_budget import TimeBudget


class LandedKind:
    """Jobs whose batches land once each in the sink of their spec. Head and sink fence them."""

    fenced = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keeps_checkpoint(self, spec: JobSpec) -> bool:
        return True

    def driver(self, spec: JobSpec, start: Start, code: str) -> Submission:
        assert isinstance(spec, LandedSpec)
        args = driver_arguments(spec, start.head, start.version, start.checkpoint, self._settings, start.partitions)
        own = replace(args, pipeline=spec.module, inputs=spec.inputs, sink=spec.sink, output_mode=spec.output_mode)
        return submission(spec, own, code, self._settings)

    def standby(self, spec: JobSpec, version: str, standby: str, code: str) -> Submission:
        """Raise NotRunning: landed jobs have no standby, and their spec cannot ask for one."""
        raise NotRunning(f"{spec.name} is a landed job, which has no standby.", "Remove `standby` from its job.yaml.")

    def probes(self, budget: TimeBudget) -> Sequence[Probe]:
        return []
