"""Measure the cost of a piece of work, for benches that start their own servers. On a busy machine, trust CPU rather than the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psutil

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """The cost of a piece of work: wall clock and CPU in seconds."""

    wall_s: float
    cpu_s: float

    def beside(self, floor: Cost) -> dict[str, float]:
        """Return the ratios to another piece of work."""
        return {"wall": round(self.wall_s / floor.wall_s, 2), "cpu": round(self.cpu_s / floor.cpu_s, 2)}


def used() -> float:
    """Return the CPU seconds of this process and of the servers that it started."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(t.user + t.system for t in (each.cpu_times() for each in family))


def cost(work: Callable[[], T]) -> tuple[Cost, T]:
    wall, cpu = time.monotonic(), used()
    result = work()
    return Cost(time.monotonic() - wall, used() - cpu), result
