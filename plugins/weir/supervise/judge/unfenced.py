"""The rule of one driver for jobs without fencing: a driver is replaced only when it is confirmed ended. Pure.

A plain job's driver never reads the head, so a second one would do harm. Three rules prevent it:

1. Whoever submits first puts its own mark into the head's empty incarnation, by compare-and-swap. An attempt without a mark was never
   submitted, and never will be once the next one has taken over: the swap of a supervisor that was slow then fails.
2. An attempt with a mark may have a driver. It is confirmed ended if the cluster says so, if its exit was recorded after
   the cluster had said so, or if an operator confirms it.
   A head that was restored from a backup, or created again, lacks attempts, and takes the newest one that had a driver for its own.
3. If no submission was recorded, a supervisor may still be about to submit. A supervisor that has not submitted within SUBMIT_WITHIN_MS of
   its takeover gives up, and no operator can confirm the end of such an attempt before CONFIRM_AFTER_MS.

tests/unit/protocol/test_unfenced.py runs these rules with supervisors that crash and sleep anywhere, and breaks each of them on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spark_jobs.protocol.head import Head
from weir.ports.attempts import AttemptRow
from weir.ports.cluster import DriverState

SUBMIT_WITHIN_MS = 60_000  # from the takeover; a submission is sent at most this late
CONFIRM_AFTER_MS = 300_000  # far above the three minutes that spark-submit is given, which begin within the bound above
CONFIRMED = "confirmed"  # the exit reason of an attempt that an operator has confirmed ended
ENDED = "ended"  # the exit reason if the driver printed no exception: it was killed, or exited by itself


def submit_mark(who: str) -> str:
    """Return the mark of a supervisor that is about to submit: unlike a driver's incarnation it names no process."""
    return f"submitted by {who}"


def recalled(head: Head, rows: Iterable[AttemptRow]) -> Head:
    """Return the head, at the newest attempt that had a driver if it has forgotten that one. `rows` were read after it."""
    newest = max((row.attempt for row in rows if row.used), default=0)
    return head if newest <= head.attempt else replace(head, attempt=newest, incarnation=submit_mark("a supervisor that the head forgot"))


def unconfirmed(head: Head, row: AttemptRow | None, state: DriverState) -> str:
    """Return why the driver of the head's attempt cannot be confirmed ended; empty if it has ended, or never began.

    `row` is the attempt's row, and `state` what the cluster says of its submission; UNKNOWN where there is none to ask about.
    """
    if not head.attempt or not head.incarnation:
        return ""
    if row is not None and row.exit_reason:
        return ""
    if row is None or not row.submission_id:
        return "it may have been submitted, but its submission id was not recorded"
    if state.confirmed:
        return ""
    return WHY.get(state, f"the cluster says that its driver is {state}")


def may_submit(row: AttemptRow, now: int) -> bool:
    """Return whether it is still early enough for the supervisor of an attempt to submit its driver; `now` in ms."""
    return now - row.taken_at <= SUBMIT_WITHIN_MS


def may_confirm(row: AttemptRow | None, now: int) -> bool:
    """Return whether an operator may confirm that the attempt's driver has ended: not while it may still be submitted. `now` in ms."""
    return row is None or bool(row.submission_id) or now - row.taken_at > CONFIRM_AFTER_MS


WHY = {
    DriverState.LOST: "the cluster lost the driver and cannot say whether it still runs",
    DriverState.UNKNOWN: "the cluster does not answer",
}
