"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """Time that passes only when told to. Call it for the seconds since the epoch; `sleep` passes them."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
