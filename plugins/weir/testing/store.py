"""All ports of the store in memory."""

from __future__ import annotations

from collections.abc import Sequence

from weir.testing.alerts import Alerts
from weir.testing.counts.folds import Folds
from weir.testing.counts.hours import Hours
from weir.testing.counts.rejected import Rejected
from weir.testing.counts.rolls import Rolls
from weir.testing.counts.runs import Runs
from weir.testing.ledger import Ledger
from weir.testing.reports import Reports
from weir.testing.requests import Requests


class MemoryStore(Reports, Ledger, Hours, Runs, Rolls, Folds, Rejected, Alerts, Requests):
    """Weir's tables as dictionaries."""

    def close(self) -> None:
        """Nothing to let go of."""

    def pending(self) -> Sequence[str]:
        return ()
