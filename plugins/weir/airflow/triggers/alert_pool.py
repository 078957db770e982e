"""The alerts that the watch sends itself: jobs that need an operator at once, and jobs that stay unhealthy. `weir_alerts` sends all others,
and needs a scheduler. Both may run at once: one of them decides, and each message is sent once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from weir.airflow.alerting import alert
from weir.alerts.health import NEEDS_OPERATOR, WELL
from weir.supervise.judge.report import TROUBLE
from weir.supervise.shared import hand_over

if TYPE_CHECKING:
    from weir.ports.store import Store
    from weir.supervise.judge.report import Report
    from weir.supervise.manager import Manager

Alert = Callable[["Manager[Store]", str], int]  # evaluates a job's alerts once; returns how many of its messages still wait
LASTS_MS = 60_000  # trouble that Weir fixes sooner is one message by `weir_alerts`
AGAIN_S = 30.0  # between two tries to deliver

log = logging.getLogger(__name__)


class Alarm:
    """Keeps which jobs' alerts were evaluated, which are due, and whose messages wait."""

    def __init__(self, alert: Alert = alert) -> None:
        self._alert, self._pool = alert, ThreadPoolExecutor(1, "weir-alarm")
        self._raised: set[str] = set()
        self._due: set[str] = set()
        self._again: dict[str, float] = {}
        self._busy: dict[str, Future[int]] = {}

    def attend(self, manager: Manager[Store], reports: Iterable[Report], now: float) -> None:
        """Start the due alerts at `now` (s, monotonic). No pass waits for them."""
        for job in [job for job, doing in self._busy.items() if doing.done()]:
            self._settle(job, self._busy.pop(job), now)
        self._due |= {report.job for report in reports if self._news(report)}
        self._due |= {job for job, at in self._again.items() if at <= now}
        for job in self._due - self._busy.keys():
            self._due.discard(job)
            self._busy[job] = hand_over(self._pool, manager, self._alert, job)

    def _news(self, report: Report) -> bool:
        """Return whether the report needs an alert that was not evaluated yet."""
        if report.job in self._raised:
            if report.verdict in WELL:
                self._raised.discard(report.job)
                return True
            return False
        if report.verdict in NEEDS_OPERATOR or (report.verdict in TROUBLE and report.at - report.since > LASTS_MS):
            self._raised.add(report.job)
            return True
        return False

    def _settle(self, job: str, done: Future[int], now: float) -> None:
        self._again.pop(job, None)
        try:
            if not done.result():
                return
        except Exception as error:  # noqa: BLE001 - whatever it is, the watch goes on, and it is tried again
            log.warning("%s: its alerts could not be sent: %r", job, error)
        self._again[job] = now + AGAIN_S
