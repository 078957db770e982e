"""What recounts found lately, looked up job by job and now and then: they are made once an hour."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weir.cluster.base import CountStore
from weir.supervise.spare import Spare

EVERY_S = 60.0
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """The most lines that one recount found missing, and doubled; the newest one was made `at` (ms)."""

    missing: int
    doubled: int
    at: int


def worst(records: Sequence[Record], proven_at: int) -> Found | None:
    """Of those since the counts were last proven (ms), or else of the newest one. `records` are newest first.

    A difference is found again by every recount of its hours, and not all of it by each: so the most of one, and no sum.
    """
    if not records:
        return None
    since = [record for record in records if record["at"] > proven_at] or records[:1]
    return Found(max(r["missing"] for r in since), max(r["doubled"] for r in since), records[0]["at"])


class Recounts:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._spare = clock, Spare()
        self._known: dict[str, tuple[float, Sequence[Record]]] = {}

    def look(self, store: CountStore, jobs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """The newest records by job; none yet of a job that there was no time to ask about. Raises NotRunning."""
        self._spare.begin()
        for job in sorted(jobs, key=self._asked):
            if self._clock() - self._asked(job) >= EVERY_S and self._spare.left():
                self._known[job] = self._clock(), store.recounts(job)
        return {job: self._known[job][1] for job in jobs if job in self._known}

    def _asked(self, job: str) -> float:
        return self._known.get(job, (float("-inf"), ()))[0]
