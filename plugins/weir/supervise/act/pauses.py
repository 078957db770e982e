"""Pause a job: a hold until it is released, or a maintenance window until its end.

Actions of operators still run; only Weir's automatic actions do not. A pause does not stop an action that has already begun.
"""

from __future__ import annotations

from dataclasses import replace

from weir.errors import BadInput
from weir.ports.timeline import Pause, TimelineStore
from weir.supervise.judge.pause import HOLD, MAINTENANCE, in_force, in_words
from weir.supervise.judge.requests import ActionResult
from weir.supervise.parts import Parts
from weir.supervise.register import Register
from weir.supervise.timeline import Timeline
from weir.times import DAY_MS, iso

LONGEST_MS = 365 * DAY_MS


class Pauses:
    def __init__(self, parts: Parts, register: Register, timeline: Timeline) -> None:
        self._parts, self._register, self._timeline = parts, register, timeline
        self._timelines: TimelineStore = parts.store

    def hold(self, job: str, who: str, reason: str) -> ActionResult:
        """Keep Weir from acting on a job until `release`. Raises UnknownJob, or BadInput without a reason."""
        _require(reason, "reason: missing. A hold needs a reason, for everybody who finds the job held.", "Give --reason.")
        if held := self._in_force(job, HOLD):
            return ActionResult(False, self._register.attempt(job), f"{job} is {in_words(held)} already.")
        text = f"{job} is held: no automatic actions. To end the hold: weir hold {job} --release"
        return self._pause(job, Pause(HOLD, who, reason, self._parts.now_ms()), HOLD, text, who, reason)

    def release(self, job: str, who: str, reason: str = "") -> ActionResult:
        """Let Weir act on a job again. Raises UnknownJob."""
        return self._end_pause(job, HOLD, "release", who, reason, f"{job} is not held.", f"{job} is no longer held.")

    def maintenance(self, job: str, for_ms: int, who: str, reason: str) -> ActionResult:
        """Keep Weir from acting on a job for a time. A second window replaces the first.

        Raises UnknownJob, or BadInput without a reason or a time.
        """
        _require(reason, "comment: missing. A maintenance window needs a comment, for everybody who sees it.", "Give --comment.")
        if for_ms <= 0:
            raise BadInput("for: missing. A maintenance window needs a duration.", "Give --for, such as 2h.")
        if for_ms > LONGEST_MS:
            raise BadInput("for: a maintenance window can last a year at most.", "Give a shorter duration, or hold the job.")
        now = self._parts.now_ms()
        text = f"{job} is in maintenance until {iso(now + for_ms)}: no automatic actions until then."
        return self._pause(job, Pause(MAINTENANCE, who, reason, now, now + for_ms), MAINTENANCE, text, who, reason)

    def end_maintenance(self, job: str, who: str, reason: str = "") -> ActionResult:
        """End a maintenance window before its time. Raises UnknownJob."""
        nothing, done = f"{job} is not in maintenance.", f"{job} is no longer in maintenance."
        return self._end_pause(job, MAINTENANCE, "maintenance_end", who, reason, nothing, done)

    def _in_force(self, job: str, kind: str) -> Pause | None:
        self._register.find(job)
        return next((p for p in in_force(self._timelines.pauses(job), self._parts.now_ms()) if p.kind == kind), None)

    def _end_pause(self, job: str, kind: str, event: str, who: str, reason: str, nothing: str, done: str) -> ActionResult:
        there = self._in_force(job, kind)
        if there is None:
            return ActionResult(False, self._register.attempt(job), nothing)
        return self._pause(job, replace(there, until=self._parts.now_ms()), event, done, who, reason)

    def _pause(self, job: str, pause: Pause, event: str, text: str, who: str, reason: str) -> ActionResult:
        self._register.find(job)
        self._timelines.put_pause(job, pause)
        attempt = self._register.attempt(job)
        detail = {"since": pause.since, "until": pause.until}
        self._timeline.tell(job, event, text, attempt, who, reason, detail)
        return ActionResult(True, attempt, text)


def _require(reason: str, what: str, next_step: str) -> None:
    if not reason.strip():
        raise BadInput(what, next_step)
