"""Look at what landed lately for services whose lines are rejected."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile

from spark_jobs.counts.cells import HOUR_MS, hour_of
from weir.counts.progress import batches
from weir.counts.rejects import KIND, Bounds, Recent, concerns
from weir.counts.rules import Rules
from weir.jobs.spec import JobSpec
from weir.ports.counts import CountStore
from weir.supervise.judge.concern import Concern, as_evidence
from weir.supervise.judge.observation import Observation
from weir.supervise.time_budget import TimeBudget

EVERY_MS = 60_000
LATELY_MS = 600_000
BATCHES, SAMPLES, DELTAS = 600, 1000, 20_000  # that are read at most

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Known:
    at: int = 0  # when it was looked at, ms
    concerns: Sequence[Concern] | None = None  # None: unknown


class RejectsProbe:
    """Services with more rejected lines than the spec allows."""

    concern = KIND

    def __init__(self, store: CountStore, budget: TimeBudget) -> None:
        self._store, self._budget, self._known = store, budget, dict[str, _Known]()

    def looked_at(self, job: str) -> int:
        """Return when the job was looked at last (ms), 0 for never."""
        return self._known.get(job, _Known()).at

    def look(self, spec: JobSpec, seen: Observation) -> Mapping[str, object] | None:
        """Return a concern for each such service; None while that is unknown. Looked at once a minute, while the budget lasts."""
        known = self._known.get(spec.name, _Known())
        if seen.head is not None and seen.now - known.at >= EVERY_MS and self._budget.left():
            since, found = {one.key: one.since for one in known.concerns or ()}, self._found(spec, seen.now)
            if found is not None:
                found = [replace(one, since=min(one.since, since.get(one.key, one.since))) for one in found]
            self._known[spec.name] = known = _Known(seen.now, known.concerns if found is None else found)
        return None if known.concerns is None else as_evidence(known.concerns)

    def _found(self, spec: JobSpec, now: int) -> Sequence[Concern] | None:
        try:
            rules = Rules.of(spec)
            bounds = Bounds(spec.health.rejected_share, spec.health.usual_rejected_share)
            return concerns(spec.name, recent(self._store, spec.name, now), bounds, rules.time_zone, now)
        except Exception as error:  # noqa: BLE001 - a job that is down must be restarted, whatever its lines look like
            log.warning("%s: its rejected lines could not be looked at: %r", spec.name, error)
            return None


def recent(store: CountStore, job: str, now: int) -> Recent:
    """Return what landed in the last minutes by the present version: a deploy may have been the cure. Raises UnknownJob."""
    newest = takewhile(lambda head: not head.landed_at or head.landed_at > now - LATELY_MS, islice(batches(store, job), BATCHES))
    landed = [head for head in newest if head.landed_at]
    heads = {(head.by, head.batch_id): head for head in landed if head.version == landed[0].version}
    rejected = sum(sum(head.totals.rejects.values()) for head in heads.values())
    if not rejected:
        return Recent(0, (), {})
    samples = [line for position, line in islice(store.rejected_lines(job), SAMPLES) if position in heads]
    counted: Counter[str] = Counter()
    times = [time for head in heads.values() for time in head.progress.event_times.values()]
    for touched in store.hours(job, hour_of(min(times)) - HOUR_MS) if times else ():
        if touched.position >= min(heads):
            for position, (_, service, _, _), n in islice(store.deltas(job, (touched.hour, touched.shard)), DELTAS):
                counted[service] += n * (position in heads)
    return Recent(rejected, samples, counted)
