"""End drivers without fencing, and wait until the cluster confirms it: the rule is in unfenced.py."""

from __future__ import annotations

from spark_jobs.protocol.head import Head
from weir.errors import NotConfirmed
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState
from weir.supervise.judge.unfenced import CONFIRMED, recalled, unconfirmed
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.start.endings import Endings
from weir.supervise.start.takeover import changed_since

END_WITHIN_S = 30.0  # a worker gives a hung driver 10 s before it kills it, one after the other
SETTLE_S = 3.0  # a Python child was seen to write for 2.8 s after the cluster had confirmed the end of its JVM
PRESENT = (DriverState.SUBMITTED, DriverState.RUNNING)


class UnfencedDrivers:
    def __init__(self, parts: Parts, register: Register, endings: Endings) -> None:
        self._parts, self._register, self._endings = parts, register, endings

    def recall(self, head: Head) -> Head:
        """Return the head with an attempt that it has forgotten, whose driver may still run. Raises Conflict if it has changed since."""
        known = recalled(head, self._parts.store.attempts(head.job))
        if known != head and not self._parts.store.swap(head, known):
            raise changed_since(head.job, head.attempt)
        return known

    def end(self, head: Head) -> str:
        """End the driver of the head's attempt, and wait SETTLE_S for its last writes.

        Return why it cannot be confirmed ended; empty if it has ended. Raises NotRunning if its cluster is not configured here.
        """
        row = self._register.row(head.job, head.attempt)
        if why := unconfirmed(head, row, self._ended_state(head, row)):
            return why
        if row and row.submission_id and row.exit_reason != CONFIRMED:
            self._endings.note(head.job, head.attempt)
            self._parts.sleep(SETTLE_S)
        return ""

    def why_not_ended(self, head: Head) -> str:
        """Return why the driver of the head's attempt could not be confirmed ended now; empty if it probably could. Changes nothing."""
        row = self._register.row(head.job, head.attempt)
        state = self._state(head, row)
        return "" if state in PRESENT else unconfirmed(head, row, state)

    def _ended_state(self, head: Head, row: AttemptRow | None) -> DriverState:
        state = self._state(head, row)
        if state not in PRESENT or row is None:
            return state
        cluster = self._endings.cluster(head.job)
        cluster.kill(row.submission_id)
        self._parts.until(lambda: cluster.state(row.submission_id).ended, END_WITHIN_S)
        return cluster.state(row.submission_id)

    def _state(self, head: Head, row: AttemptRow | None) -> DriverState:
        if row is None or not row.submission_id or row.exit_reason:
            return DriverState.UNKNOWN
        return self._endings.cluster(head.job).state(row.submission_id)


def not_confirmed(head: Head, why: str) -> NotConfirmed:
    return NotConfirmed(
        f"The driver of {head.job}, attempt {head.attempt}, cannot be confirmed ended: {why}. Nothing was started.",
        f'Make sure that it has ended, then run: weir confirm-ended {head.job} --reason "..."',
    )
