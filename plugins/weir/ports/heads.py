"""The port of heads: who may write a job, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from spark_jobs.protocol.head import Head


class HeadStore(Protocol):
    """The head of each job, changed by compare-and-set alone."""

    def head(self, job: str) -> Head | None:
        """The head as the last completed swap left it (serial consistency)."""

    def swap(self, expected: Head, new: Head) -> bool:
        """Set the head to `new` if it still is `expected`. An unknown outcome is read back before this answers."""

    def create_head(self, head: Head) -> bool:
        """Create a job's first head. Return False if it has one."""

    def firsts(self, job: str) -> Mapping[int, tuple[int, int]]:
        """Return for each attempt that noted a first batch: its epoch and that batch."""
