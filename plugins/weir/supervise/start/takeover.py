"""Take over with the next attempt, or begin a new epoch (rules 1 and 6). Both are bound to the attempt that was judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from spark_jobs import failpoint
from spark_jobs.protocol.head import Head, taken_over
from weir.errors import Conflict, UnknownJob
from weir.ports.attempts import AttemptRow, AttemptStore
from weir.ports.ledger import LandedStore
from weir.supervise.judge.requests import StartRequest
from weir.supervise.parts import Parts, or_none
from weir.supervise.register import Register
from weir.supervise.timeline import Timeline


def take_over(store: LandedStore, job: str, judged: int, highest: int = 0, join: Callable[[Head], Head] = lambda head: head) -> Head:
    """Let an attempt after `judged` and `highest` write. `join` lets sources join the job, by `protocol.with_sources`. Raises Conflict if
    another one has already taken over."""
    while True:
        head = _judged_head(store, job, judged)
        new = taken_over(join(head), highest)
        if store.swap(head, new):
            return new


def rebuild(store: LandedStore, job: str, judged: int, begin: Callable[[Head], Head]) -> Head:
    """Begin a new epoch. Raises Conflict if another attempt has already taken over.

    `begin` makes its head from the one that is there, by `protocol.rebuilt`; it is asked again if the head moves meanwhile.
    """
    while True:
        head = _judged_head(store, job, judged)
        new = begin(head)
        if head.for_ledger:
            store.put_ledger(head)
        if store.swap(head, new):
            return new


def changed_since(job: str, judged: int) -> Conflict:
    """Return the refusal of a start whose judgement is about an attempt that is no longer the newest."""
    return Conflict(f"{job} is no longer at attempt {judged} that was judged. Nothing was started.", f"Run: weir health {job}")


def _judged_head(store: LandedStore, job: str, judged: int) -> Head:
    head = store.head(job)
    if head is None:
        raise UnknownJob(f"{job} has not been deployed yet.", f"Run: weir deploy {job}")
    if head.attempt != judged:
        raise changed_since(job, judged)
    return head


class Takeover:
    """Records the next attempt, lets it write, and ends the driver of the attempt before."""

    def __init__(self, parts: Parts, register: Register, timeline: Timeline) -> None:
        self._parts, self._register, self._timeline = parts, register, timeline
        self._heads: LandedStore = parts.store
        self._attempts: AttemptStore = parts.store

    def take(
        self, request: StartRequest, begin: Callable[[Head, int], Head] | None = None, join: Callable[[Head], Head] = lambda head: head
    ) -> Head:
        """Take over: with `begin` (from head and highest attempt) into a new epoch, else with the sources that `join` adds.

        Raises Conflict.
        """
        job, judged = request.job, request.judged
        highest = self._highest(job)
        if self._register.attempt(job) != judged:  # before anything is written; the swap checks again
            raise changed_since(job, judged)
        row = self._note(job, max(judged, highest) + 1, request.cause, request.who, request.reason, request.version)
        failpoint.reach("takeover.note")
        if begin:
            head = rebuild(self._heads, job, judged, lambda head: begin(head, highest))
        else:
            head = take_over(self._heads, job, judged, highest, join)
        failpoint.reach("takeover.swap")
        self._attempts.put_attempt(job, replace(row, attempt=head.attempt))  # the loser of a race may have written this row in between
        self._end_driver(job, judged)
        self._add_to_timeline(request, head, judged)
        return head

    def replace(self, request: StartRequest, expected: Head) -> tuple[Head, AttemptRow]:
        """Take over from exactly the head that was looked at, whose driver has ended. Returns the new one and its attempt's row.

        Raises Conflict: a head that has changed since may have a driver.
        """
        job, new = request.job, taken_over(expected, self._highest(request.job))
        row = AttemptRow(new.attempt, request.cause, request.who, request.reason, self._parts.now_ms(), request.version)
        if self._register.row(job, new.attempt) is None:  # the row of another process has the time of its takeover, which must stay
            self._attempts.put_attempt(job, row)
        failpoint.reach("takeover.note")
        if not self._heads.swap(expected, new):
            raise changed_since(job, expected.attempt)
        failpoint.reach("takeover.swap")
        self._attempts.put_attempt(job, row)  # the loser of a race may have written this row in between
        self._add_to_timeline(request, new, expected.attempt)
        return new, row

    def fence(self, job: str, judged: int, who: str, reason: str, version: str) -> Head:
        """Take over for a stop: no driver starts for the attempt, and a driver that still runs can no longer write. Raises Conflict."""
        highest = self._highest(job)
        self._note(job, max(judged, highest) + 1, "stop", who, reason, version)
        return take_over(self._heads, job, judged, highest)

    def _add_to_timeline(self, request: StartRequest, head: Head, judged: int) -> None:
        sentence = f"{head.job}: attempt {head.attempt} has taken over" + (f" from attempt {judged}." if judged else ".")
        detail = {"epoch": head.epoch, "cause": request.cause}
        self._timeline.tell(head.job, "takeover", sentence, head.attempt, request.who, request.reason, detail)

    def _note(self, job: str, attempt: int, cause: str, who: str, reason: str, version: str) -> AttemptRow:
        row = AttemptRow(attempt, cause, who, reason, self._parts.now_ms(), version)
        self._attempts.put_attempt(job, row)
        return row

    def _end_driver(self, job: str, attempt: int) -> None:
        """Kill the driver of a superseded attempt: it can no longer write, and its cores are free sooner."""
        old = self._register.row(job, attempt)
        if old and old.submission_id:
            self._register.cluster(job).kill(old.submission_id)

    def _highest(self, job: str) -> int:
        """Return the highest attempt in the store or in a checkpoint folder: a head restored from a backup lacks the last ones.

        Folders that cannot be read here are read again before an attempt is copied, or an epoch begins.
        """
        rows = (a.attempt for a in self._attempts.attempts(job) if a.used)
        folders = or_none(lambda: self._parts.checkpoints.attempts(job)) or ()
        return max((*rows, *(attempt for _, attempt in folders)), default=0)
