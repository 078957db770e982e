"""Take the action that a report decided on: restart, rebuild, or roll a version back."""

from __future__ import annotations

from weir.errors import Conflict
from weir.ports.attempts import AttemptStore
from weir.ports.cluster import DriverState
from weir.supervise.act.rollbacks import Rollbacks
from weir.supervise.judge.observation import with_the_clusters_word
from weir.supervise.judge.report import Report, Verdict
from weir.supervise.judge.requests import ActionResult, StartRequest
from weir.supervise.judge.restart import Action
from weir.supervise.observe.health import Health
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.start.endings import Endings
from weir.supervise.start.starter import Starter

WITH_STACK = "start"  # the cause of a start after a planned stop of the stack


class Responder:
    def __init__(self, parts: Parts, register: Register, health: Health, endings: Endings, rollbacks: Rollbacks, starter: Starter) -> None:
        self._parts, self._register, self._health = parts, register, health
        self._attempts: AttemptStore = parts.store
        self._endings, self._rollbacks, self._starter = endings, rollbacks, starter

    def act(self, report: Report) -> ActionResult | None:
        """Take the action that a report decided on, if it is due. None if there is nothing to do, or the job is paused.

        A report may have waited for its turn: an attempt that was stalled and has landed since is healthy.
        """
        job = report.job
        if report.act == Action.READ_ENDING:
            return self._read_ending(report)
        if report.act == Action.NONE or self._parts.now_ms() < report.not_before or self._register.paused(job):
            return None
        if report.verdict is Verdict.STALLED and dict(self._health.observation(self._register.find(job)).frontier) != dict(report.frontier):
            return None
        if report.evidence.get("driver") == DriverState.OUT_OF_MEMORY:
            self._note_end(job, report.attempt)
        try:
            if report.act == Action.RESTART and (rolled_back := self._rollbacks.before_restart(job)):
                return rolled_back
            return self._starter.start(StartRequest(job, report.attempt, _cause(report), reason=report.sentence))
        except Conflict:
            return None

    def _read_ending(self, report: Report) -> ActionResult | None:
        """Record why the driver ended, then judge and act again: the same batch may have failed twice."""
        self._endings.note(report.job, report.attempt)
        again = self._health.report(self._register.find(report.job))
        return None if again.act == Action.READ_ENDING else self.act(again)

    def _note_end(self, job: str, attempt: int) -> None:
        """Record that the driver was killed for its memory, which only the cluster knows. The next driver gets more memory."""
        row = self._register.row(job, attempt)
        if row and (ended := with_the_clusters_word(row, DriverState.OUT_OF_MEMORY)) != row:
            self._attempts.put_exit(job, row.attempt, row.incarnation, ended.exit_reason, ended.exit_error, row.exit_batch)


def _cause(report: Report) -> str:
    """Return the cause of a start. One after a planned stop of the stack uses up no restarts."""
    if report.evidence.get("stopped_with_stack"):
        return WITH_STACK
    return str(Action.REBUILD if report.act == Action.REBUILD else Action.RESTART)
