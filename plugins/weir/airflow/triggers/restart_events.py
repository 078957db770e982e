"""When the watch reports a restart to Airflow: after the successor has landed a batch. Until then its start needs the CPU.

A report is a run of `weir_watch` and one of the restart DAG, four tasks. On two cores they took six seconds of CPU from the start of the
driver that they reported. The timeline and `weir health` show the restart at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from weir.supervise.judge.report import Verdict

if TYPE_CHECKING:
    from weir.airflow.triggers.restart_pool import Acted
    from weir.supervise.judge.report import Report

WITHIN_S = 60.0  # a start that takes longer is reported in any case


class Telling:
    """Restarts that are not reported yet, each with the time (s) by which it is reported in any case."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._waiting: list[tuple[float, Acted]] = []

    def due(self, done: Iterable[Acted], reports: Iterable[Report], now: float) -> list[Acted]:
        """Add what was `done`, and return what to report at `now` (s), each restart once."""
        self._waiting += [(now + self._within_s, acted) for acted in done]
        by_job = {report.job: report for report in reports}
        told = [one for one in self._waiting if one[0] <= now or _has_started(one[1], by_job.get(one[1].job))]
        self._waiting = [one for one in self._waiting if one not in told]
        return [acted for _, acted in told]


def _has_started(acted: Acted, report: Report | None) -> bool:
    """Return whether to report now: also for a job that is no longer watched, and an attempt that is unhealthy again."""
    return report is None or (report.attempt >= acted.attempt and report.verdict is not Verdict.STARTING)
