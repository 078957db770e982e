"""How far folding is behind, as evidence of health. It never changes a verdict: counts are right however far that is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict

from spark_jobs.protocol.head import Head
from weir.counts.backlog import Backlog, backlog
from weir.counts.closed import closed_until
from weir.counts.rules import Rules
from weir.jobs.spec import JobSpec
from weir.ports.counts import CountStore
from weir.supervise.judge.observation import Observation
from weir.supervise.time_budget import TimeBudget

EVERY_MS = 60_000  # it reads two rows an hour of the job's life, and the watch looks every second

log = logging.getLogger(__name__)


class FoldBacklogProbe:
    concern = ""

    def __init__(self, store: CountStore, budget: TimeBudget) -> None:
        self._store, self._budget, self._known = store, budget, dict[str, tuple[int, Backlog | None]]()

    def looked_at(self, job: str) -> int:
        """Return when the job's backlog was looked up last (ms), 0 for never."""
        return self._known.get(job, (0, None))[0]

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object]:
        """Return the backlog, and a sentence if folding is behind; empty if unknown. Looked up once a minute and job, while the budget
        lasts."""
        if seen.head is None:
            return {}
        if seen.now - self.looked_at(spec.name) >= EVERY_MS and self._budget.left():
            self._known[spec.name] = seen.now, self._backlog(spec, seen.head, seen)
        known = self._known.get(spec.name, (0, None))[1]
        if known is None:
            return {}
        behind = known.behind(spec.name, seen.now)
        return {"fold_backlog": asdict(known), **({"folding": behind} if behind else {})}

    def _backlog(self, spec: JobSpec, head: Head, seen: Observation) -> Backlog | None:
        try:
            return backlog(self._store, spec.name, closed_until(head, Rules.of(spec), seen.end_offsets, seen.now), seen.now)
        except Exception as error:  # noqa: BLE001 - a job that is down must be restarted, even if its fold backlog is unknown
            log.warning("%s: how far folding is behind could not be looked up: %r", spec.name, error)
            return None
