"""The time that a pass over many jobs has for looks that may wait. They are of one job each, and must not make a dead driver wait."""

from __future__ import annotations

import time

SPARE_S = 0.5


class Spare:
    """A pass has the time for one such look at least, and begins others while less than `spare_s` has gone by since that one."""

    def __init__(self, spare_s: float = SPARE_S) -> None:
        self._spare_s = spare_s
        self._until: float | None = None  # unknown before the first look

    def begin(self) -> None:
        """A new pass begins."""
        self._until = None

    def left(self) -> bool:
        """Is there time for one more?"""
        if self._until is None:
            self._until = time.monotonic() + self._spare_s
            return True
        return time.monotonic() < self._until
