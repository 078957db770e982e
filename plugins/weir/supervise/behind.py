"""How far folding is behind, as evidence of health. It never changes a verdict: counts are right however far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from weir.cluster.base import CountStore
from weir.counts.backlog import Backlog, backlog
from weir.counts.closed import closed_until
from weir.counts.rules import Rules
from weir.supervise.spec import JobSpec
from weir.supervise.verdict import Observation

EVERY_MS = 60_000  # it reads two rows an hour of the job's life, and the watch looks every second


class FoldingWatch:
    def __init__(self, store: CountStore) -> None:
        self._store, self._known = store, dict[str, tuple[int, Backlog]]()

    def evidence(self, spec: JobSpec, seen: Observation) -> Mapping[str, object]:
        """The backlog, and a sentence if folding is behind. Looked up once a minute and job."""
        if seen.head is None:
            return {}
        looked_at, known = self._known.get(spec.name, (0, Backlog(0, 0, 0)))
        if seen.now - looked_at >= EVERY_MS:
            known = backlog(self._store, spec.name, closed_until(seen.head, Rules.of(spec), seen.end_offsets, seen.now), seen.now)
            self._known[spec.name] = seen.now, known
        behind = known.behind(spec.name, seen.now)
        return {"fold_backlog": asdict(known), **({"folding": behind} if behind else {})}
