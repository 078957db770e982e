"""Limit the time that one pass over the fleet spends on slow lookups of single jobs: they must not delay the restart of a dead driver."""

from __future__ import annotations

import time

LOOKS_S = 0.5


class TimeBudget:
    """Allows one slow lookup in each pass, and more until `budget_s` after it began."""

    def __init__(self, budget_s: float = LOOKS_S) -> None:
        self._budget_s = budget_s
        self._until: float | None = None  # unknown before the first look

    def begin(self) -> None:
        """Begin a new pass."""
        self._until = None

    def left(self) -> bool:
        """Return whether there is time for one more lookup."""
        if self._until is None:
            self._until = time.monotonic() + self._budget_s
            return True
        return time.monotonic() < self._until
