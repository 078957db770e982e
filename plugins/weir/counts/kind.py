"""The counts kind for supervision: the submissions of its drivers, and its evidence."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from weir.counts.arguments import arguments
from weir.counts.arrivals import ArrivalProbe
from weir.counts.fold_backlog import FoldBacklogProbe
from weir.counts.proven import UNPROVEN, Proven
from weir.counts.rehearsal import newest_lines
from weir.counts.rejects_probe import RejectsProbe
from weir.counts.unproven import KIND as UNPROVEN_COUNTS
from weir.counts.unproven import concerns
from weir.jobs.spec import JobSpec
from weir.ports.cluster import Submission
from weir.ports.counts import CountStore
from weir.ports.source import Broker
from weir.settings import Settings
from weir.supervise.judge.concern import as_evidence
from weir.supervise.judge.observation import Observation
from weir.supervise.kind import Probe, Start
from weir.supervise.start.submission import submission
from weir.supervise.time_budget import TimeBudget

LINES_PER_BATCH = 200  # of a standby that warms up: the first batch loads the code, some more let the JVM compile the planner


class CountsKind:
    """Jobs that count lines into panes. The head fences them: each batch is claimed, and lands once."""

    fenced = True

    def __init__(self, store: CountStore, broker: Broker, settings: Settings) -> None:
        self._store, self._broker, self._settings = store, broker, settings

    def keeps_checkpoint(self, spec: JobSpec) -> bool:
        return True

    def driver(self, spec: JobSpec, start: Start, code: str) -> Submission:
        args = arguments(spec, start.head, start.version, start.checkpoint, self._settings, start.partitions)
        return submission(spec, args, code, self._settings)

    def standby(self, spec: JobSpec, version: str, standby: str, code: str) -> Submission:
        newest = newest_lines(spec, version, self._broker, self._settings)
        return submission(spec, replace(newest, standby=standby, max_lines_per_batch=LINES_PER_BATCH), code, self._settings)

    def probes(self, budget: TimeBudget) -> Sequence[Probe]:
        return [ProvenProbe(), FoldBacklogProbe(self._store, budget), ArrivalProbe(self._store, budget), RejectsProbe(self._store, budget)]


class ProvenProbe:
    """How far the counts are proven, and which checks fail, from the records that the pass has read anyway."""

    concern = UNPROVEN_COUNTS

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object]:
        failures = as_evidence(concerns(spec.name, seen.records))
        return {"proven": _proven(seen.records.get("proven")).as_evidence(), **failures}

    def looked_at(self, job: str) -> int:
        """Return the maximum: it costs nothing, so it is never due."""
        return sys.maxsize


def _proven(text: str | None) -> Proven:
    """Parse the record; unproven if another version of Weir wrote it, which must not stop supervision."""
    try:
        return Proven.load(text)
    except (ValueError, KeyError, TypeError):
        return UNPROVEN
