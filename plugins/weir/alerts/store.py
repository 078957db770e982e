"""What alerts are given of the store."""

from __future__ import annotations

from typing import Protocol

from weir.ports.alerts import AlertStore
from weir.ports.counts import CountStore
from weir.ports.jobs import JobStore
from weir.ports.reports import ReportStore
from weir.ports.timeline import TimelineStore


class DecisionStore(AlertStore, TimelineStore, Protocol):
    """For writing a decision: its evaluations, and its lines of the timeline."""


class WatchedStore(CountStore, JobStore, Protocol):
    """For reading what rules need: counts, and whether the job should run."""


class AlertingStore(DecisionStore, WatchedStore, ReportStore, Protocol):
    """For a pass over the rules and the health of a job."""
