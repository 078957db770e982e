"""The store in Cassandra: all its ports over one session. Implements weir.ports.store.Store."""

from __future__ import annotations

from typing import Self

from spark_jobs.counts.store import DeltaTables
from spark_jobs.runtime.contract import CassandraAddress
from weir.cassandra.alerts import Alerts
from weir.cassandra.attempts import Attempts
from weir.cassandra.counts.folds import Folds
from weir.cassandra.counts.hours import Hours
from weir.cassandra.counts.proofs import Proofs
from weir.cassandra.counts.rejected import Rejected
from weir.cassandra.counts.rolls import Rolls
from weir.cassandra.counts.runs import Runs
from weir.cassandra.jobs import Jobs
from weir.cassandra.ledger import Ledger
from weir.cassandra.migrate import Schema
from weir.cassandra.reports import Reports
from weir.cassandra.requests import Requests
from weir.cassandra.session import PatientSession, tables_fit
from weir.cassandra.standbys import Standbys
from weir.cassandra.timeline import Timeline


class SupervisionTables(Ledger, Jobs, Attempts, Standbys, Timeline, Reports, Schema):
    """What supervision keeps of every job. Heads, and what drivers write, come with the ledger."""


class CountTables(Hours, Runs, Rolls, Folds, Rejected, Proofs, DeltaTables):
    """What counting keeps, and its drivers write."""


class CassandraStore(SupervisionTables, CountTables, Alerts, Requests):
    """Every port, and what drivers write, of one session."""

    @classmethod
    def connect(cls, address: CassandraAddress, patience_s: float | None) -> Self:
        """Connect; every call then waits up to `patience_s` for an answer and else raises NotRunning."""
        with tables_fit():
            return cls(PatientSession(address, patience_s))
