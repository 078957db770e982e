"""Record that an operator has confirmed the end of a driver that the cluster lost, for the attempt that was shown."""

from __future__ import annotations

from weir.errors import BadInput, Conflict
from weir.supervise.judge.report import Verdict
from weir.supervise.judge.requests import ActionResult
from weir.supervise.judge.unfenced import CONFIRM_AFTER_MS, CONFIRMED, may_confirm
from weir.supervise.kind import Kinds
from weir.supervise.observe.health import Health
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.start.unfenced_drivers import PRESENT, UnfencedDrivers
from weir.supervise.timeline import Timeline

CONFIRM_ENDED = "confirm_ended"  # the kind of the line in the timeline


class Confirmations:
    def __init__(
        self, parts: Parts, register: Register, timeline: Timeline, health: Health, kinds: Kinds, drivers: UnfencedDrivers
    ) -> None:
        self._parts, self._store, self._register, self._drivers = parts, parts.store, register, drivers
        self._timeline, self._health, self._kinds = timeline, health, kinds

    def confirm(self, job: str, attempt: int, who: str, reason: str) -> ActionResult:
        """Note that the attempt's driver has ended: the next one may then be started, and Weir starts it if the job should run.

        Raises UnknownJob, BadInput (no reason) or Conflict (another attempt, nothing to confirm, or too early).
        """
        if not reason.strip():
            raise BadInput("reason: missing. The timeline records why you are sure that the driver has ended.", "Give --reason.")
        now_at = self.look(job)
        if now_at != attempt:
            raise Conflict(f"{job} is at attempt {now_at}, not at {attempt} that was shown. Nothing was done.", f"weir health {job}")
        self._store.put_exit(job, attempt, "", CONFIRMED, f"{who} has confirmed that it has ended: {reason}", -1)
        sentence = f"{who} has confirmed that the driver of {job}, attempt {attempt}, has ended."
        self._timeline.tell(job, CONFIRM_ENDED, sentence, attempt, who, reason, {})
        return ActionResult(True, attempt, sentence)

    def look(self, job: str) -> int:
        """Return the attempt whose driver an operator may confirm ended.

        Raises UnknownJob, or Conflict unless the verdict is unconfirmed, the cluster reports no running driver, and the time to submit one
        is over.
        """
        kind = self._register.spec(job).kind
        if self._kinds[kind.name].fenced:
            raise Conflict(
                f"{job} is a {kind.name} job: a superseded driver of it cannot write, so nothing needs to be confirmed.",
                f"weir restart {job}",
            )
        attempt = self._register.attempt(job)
        self._check(job, attempt)
        return attempt

    def _check(self, job: str, attempt: int) -> None:
        (report,) = self._health.onlooker.reports({job: self._register.find(job)})
        if report.found is not Verdict.UNCONFIRMED or report.evidence.get("driver") in PRESENT:
            raise Conflict(f"There is nothing to confirm: {report.sentence}.", report.next_step and f"Next: {report.next_step}")
        # A deploy onto another cluster that broke off: there nobody knows the driver, which runs on where it was submitted.
        if or_none(lambda: self._drivers.why_not_ended(self._register.head(job))) == "":
            what = f"There is nothing to confirm: the driver of {job}, attempt {attempt}, can be ended by the cluster that it is on."
            raise Conflict(what, f"Run: weir restart {job}, or weir stop {job}")
        row, now = self._register.row(job, attempt), self._parts.now_ms()
        if row is not None and not may_confirm(row, now):
            wait_s = (row.taken_at + CONFIRM_AFTER_MS - now) // 1000 + 1
            what = f"The driver of {job}, attempt {attempt}, may still be submitted for another {wait_s} s. Nothing was done."
            raise Conflict(what, f"Try again in {wait_s} s.")
