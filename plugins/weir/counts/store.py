"""What work on counts is given of the store."""

from __future__ import annotations

from typing import Protocol

from weir.ports.counts import CountStore
from weir.ports.jobs import JobStore
from weir.ports.timeline import TimelineStore


class VersionedCounts(CountStore, JobStore, Protocol):
    """Counts, and the versions that made them."""


class CountsStore(VersionedCounts, TimelineStore, Protocol):
    """For work that leaves lines in the timeline."""
