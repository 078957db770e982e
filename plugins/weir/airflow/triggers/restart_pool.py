"""What the watch acts with: a few threads, so that one start that takes long holds up neither the other jobs nor the next look."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weir.supervise.shared import hand_over

if TYPE_CHECKING:
    from weir.supervise.manager import Manager
    from weir.supervise.report import Report

AT_ONCE = 8  # starts; each waits for store, checkpoints and cluster most of its time
ASIDE = 2  # standbys seen to at once; no act and no pass waits for that
WAIT_S = 2.0  # a start on a standalone cluster takes well under a second, one by spark-submit many

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Acted:
    """What the watch did: `judged` was in trouble for `reason`, and `attempt` has taken over."""

    job: str
    judged: int
    attempt: int
    reason: str
    sentence: str


class Hands:
    """At most one act for a job at a time. What is not done within `wait_s` goes on, and is told of after a later pass."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._pool = ThreadPoolExecutor(AT_ONCE, "weir-act")
        self._busy: dict[str, Future[Acted | None]] = {}
        self._aside = ThreadPoolExecutor(ASIDE, "weir-standby")
        self._tended: dict[str, Future[None]] = {}

    def attend(self, manager: Manager, reports: Iterable[Report]) -> list[Acted]:
        """Begin what the reports call for. Returns what has been done by now, also of earlier passes."""
        for report in reports:
            if report.act != "none" and report.job not in self._busy:
                self._busy[report.job] = hand_over(self._pool, manager, _act, report)
            if report.standby_act != "none" and (report.job not in self._tended or self._tended[report.job].done()):
                self._tended[report.job] = hand_over(self._aside, manager, _tend, report)
        wait(self._busy.values(), self._wait_s)
        done = [self._busy.pop(job).result() for job, act in list(self._busy.items()) if act.done()]
        return [acted for acted in done if acted]


def _act(manager: Manager, report: Report) -> Acted | None:
    """Do what the report calls for. Trouble with one job must not keep the watch from the next."""
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
    """See to a job's standbys. Nobody needs to be told: the timeline has it."""
    try:
        manager.tend(report)
    except Exception as error:  # noqa: BLE001
        log.warning("%s: could not manage its standby: %r", report.job, error)
