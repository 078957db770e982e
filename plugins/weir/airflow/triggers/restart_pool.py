"""The threads of the watch that start drivers, so that a slow start delays neither other jobs nor the next check."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weir.supervise.shared import hand_over

if TYPE_CHECKING:
    from weir.supervise.judge.report import Report
    from weir.supervise.manager import Manager

AT_ONCE = 8  # starts at once; each mostly waits for store, checkpoints and cluster
ASIDE = 2  # standbys managed at once; no action and no pass waits for that
WAIT_S = 2.0  # a start on a standalone cluster takes well under a second, one by spark-submit many seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Acted:
    """What the watch did: the attempt `judged` was unhealthy for `reason`, and `attempt` has taken over."""

    job: str
    judged: int
    attempt: int
    reason: str
    sentence: str


class Hands:
    """Runs at most one action for a job at a time. Actions that take longer than `wait_s` continue, and a later pass reports them."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._pool = ThreadPoolExecutor(AT_ONCE, "weir-act")
        self._busy: dict[str, Future[Acted | None]] = {}
        self._aside = ThreadPoolExecutor(ASIDE, "weir-standby")
        self._tended: dict[str, Future[None]] = {}

    def attend(self, manager: Manager, reports: Iterable[Report]) -> list[Acted]:
        """Start the due actions. Return what has been done by now, including actions of earlier passes."""
        for report in reports:
            if report.act != "none" and report.job not in self._busy:
                self._busy[report.job] = hand_over(self._pool, manager, _act, report)
            if report.standby_act != "none" and (report.job not in self._tended or self._tended[report.job].done()):
                self._tended[report.job] = hand_over(self._aside, manager, _tend, report)
        wait(self._busy.values(), self._wait_s)
        done = [self._busy.pop(job).result() for job, act in list(self._busy.items()) if act.done()]
        return [acted for acted in done if acted]


def _act(manager: Manager, report: Report) -> Acted | None:
    """Do the due action. An error in one job must not keep the watch from the next."""
    try:
        action = manager.act(report)
    except Exception as error:  # noqa: BLE001
        log.warning("%s: could not %s attempt %s: %r", report.job, report.act, report.attempt, error)
        return None
    if action is None:
        return None
    log.warning("%s. %s", report.sentence, action.sentence)
    return Acted(report.job, report.attempt, action.attempt, report.sentence, action.sentence)


def _tend(manager: Manager, report: Report) -> None:
    """Manage a job's standbys. The timeline has the result."""
    try:
        manager.tend(report)
    except Exception as error:  # noqa: BLE001
        log.warning("%s: could not manage its standby: %r", report.job, error)
