"""The parts of the store that work on counts needs."""

from __future__ import annotations

from typing import Protocol

from weir.ports.counts import CountStore
from weir.ports.jobs import JobStore
from weir.ports.timeline import TimelineStore


class VersionedCounts(CountStore, JobStore, Protocol):
    """Counts, and the versions that made them."""


class CountsStore(VersionedCounts, TimelineStore, Protocol):
    """Counts, versions, and the timeline for failures."""
