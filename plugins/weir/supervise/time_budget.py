"""The time that one pass over many jobs spends on looks that may wait. They are of one job each, and must not make a dead driver wait."""

from __future__ import annotations

import time

LOOKS_S = 0.5


class TimeBudget:
    """Allows one such look in each pass, and others until `budget_s` after it began."""

    def __init__(self, budget_s: float = LOOKS_S) -> None:
        self._budget_s = budget_s
        self._until: float | None = None  # unknown before the first look

    def begin(self) -> None:
        """A new pass begins."""
        self._until = None

    def left(self) -> bool:
        """Is there time for one more?"""
        if self._until is None:
            self._until = time.monotonic() + self._budget_s
            return True
        return time.monotonic() < self._until
