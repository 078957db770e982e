"""Reports in memory, and snapshots of what the other ports keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from weir.ports.reports import JobSnapshot, Kept, records_of
from weir.testing.attempts import Attempts
from weir.testing.counts.proofs import Proofs
from weir.testing.heads import Heads
from weir.testing.jobs import Jobs
from weir.testing.standbys import Standbys
from weir.testing.timeline import Timeline


class Reports(Heads, Jobs, Attempts, Standbys, Timeline, Proofs):
    """Reports in memory, and snapshots of what the other ports keep."""

    def __init__(self) -> None:
        super().__init__()
        self._reports: dict[str, str] = {}

    def report(self, job: str) -> str | None:
        return self._reports.get(job)

    def snapshots(self, jobs: Collection[str], history: int = 50) -> Mapping[str, JobSnapshot]:
        return {job: self._snapshot(job, history) for job in jobs}

    def _snapshot(self, job: str, history: int) -> JobSnapshot:
        rows = self.attempts(job, history)
        proven = self.proven(job)
        records = {**({} if proven is None else {"proven": proven}), **records_of(self.unproven(job))}
        return JobSnapshot(self.job(job), self.head(job), rows, self.report(job), records, self.pauses(job), self.standbys(job))

    def keep_reports(self, reports: Sequence[Kept]) -> None:
        for kept in reports:
            self._reports[kept.job] = kept.report
            if kept.event:
                self.add_event(kept.job, kept.event)
