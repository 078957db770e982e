"""Answers that are read job by job and rarely, since they change seldom and there may be a thousand jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from weir.supervise.time_budget import TimeBudget

T = TypeVar("T")


class Paced(Generic[T]):
    """Keeps each answer for `every_s` seconds. Renews the oldest ones first, within the time budget."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock, self._budget = every_s, clock, TimeBudget()
        self._known: dict[str, tuple[float, T]] = {}

    def look(self, jobs: Sequence[str], ask: Callable[[str], T]) -> Mapping[str, T]:
        """Return the answers by job; a job for which there was no time yet is missing. Raises what `ask` raises."""
        self._budget.begin()
        for job in sorted(jobs, key=self._asked):
            if self._clock() - self._asked(job) >= self._every_s and self._budget.left():
                self._known[job] = self._clock(), ask(job)
        return {job: self._known[job][1] for job in jobs if job in self._known}

    def _asked(self, job: str) -> float:
        return self._known[job][0] if job in self._known else float("-inf")
