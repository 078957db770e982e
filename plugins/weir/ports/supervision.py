"""What supervision is given of the store: all ports that hold for every job, whatever its kind."""

from __future__ import annotations

from typing import Protocol

from weir.ports.attempts import AttemptStore
from weir.ports.heads import HeadStore
from weir.ports.jobs import JobStore
from weir.ports.ledger import LedgerStore
from weir.ports.reports import ReportStore
from weir.ports.schema import SchemaStore
from weir.ports.standbys import StandbyStore
from weir.ports.timeline import TimelineStore


class SupervisionStore(HeadStore, LedgerStore, JobStore, AttemptStore, StandbyStore, TimelineStore, ReportStore, SchemaStore, Protocol):
    """The store of a manager, which hands its collaborators the ports that they ask for."""

    def close(self) -> None:
        """Let go of the connections."""
