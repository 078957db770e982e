"""Decide from the fence of a sink what an attempt may do. Pure. spark_jobs.protocol.landing compares head and sink at a start."""

from __future__ import annotations

from dataclasses import replace

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.landing import Held, SinkAhead, SinkBehind
from spark_jobs.protocol.writer import Superseded

RESTORED = "The sink or the store was restored from an older copy: see docs/runbook.md#sink_differs"


def raised(held: Held | None, head: Head) -> Held:
    """Return the fence after the head's attempt has raised it. `held` is what it was; None if there was none. Raises Superseded."""
    if held is None:
        return Held(head.epoch, head.attempt, -1)
    if held.attempt > head.attempt:
        raise Superseded(f"attempt {head.attempt} of {head.job} was superseded: the sink's fence is at attempt {held.attempt}")
    return replace(held, attempt=head.attempt)


def may_write(held: Held | None, claimed: Head) -> bool:
    """Return whether the claimed batch is to be written; False if the sink holds it already.

    Raises Superseded if a later attempt has raised the fence; SinkAhead or SinkBehind if the sink does not hold the batch before: it was
    restored while the driver ran.
    """
    due = f"batch {claimed.batch_id} of epoch {claimed.epoch} of {claimed.job} is claimed"
    if held is None or held.attempt < claimed.attempt:
        raise SinkBehind(f"WEIR-322: {due}, and its sink has lost the fence of attempt {claimed.attempt}. {RESTORED}")
    raised(held, claimed)
    holds, wanted = (held.epoch, held.batch_id), (claimed.epoch, claimed.batch_id)
    if holds == wanted:
        return False
    if holds == (claimed.epoch, claimed.batch_id - 1) or (held.epoch < claimed.epoch and claimed.batch_id == claimed.base + 1):
        return True
    kind, code = (SinkAhead, "WEIR-321") if holds > wanted else (SinkBehind, "WEIR-322")
    raise kind(f"{code}: {due}, and its sink holds batch {held.batch_id} of epoch {held.epoch} as the last one. {RESTORED}")
