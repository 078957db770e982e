"""Compute up to when panes are closed. Alerts, folding and validation use closed panes only; a late line opens its pane again."""

from __future__ import annotations

from spark_jobs.protocol.head import Head, Offsets, State, base_progress
from weir.counts.rules import Rules
from weir.errors import NotRunning
from weir.ports.source import Broker
from weir.supervise.topics import ends_for

NOTHING = -(2**62)  # a moment before which there is no pane


def closed_until(head: Head, rules: Rules, end_offsets: Offsets | None, now: int) -> int:
    """Return the time (ms) up to which panes are closed. `end_offsets` None: the broker did not answer.

    A pane is closed once the watermark has passed it. If the job has read everything and nothing has come for the allowed lateness, all
    panes are closed.
    """
    progress = base_progress(head)
    newest = max(progress.event_times.values(), default=None)
    if newest is not None and end_offsets is not None and at_rest(head, end_offsets, now - rules.lateness):
        return newest - newest % rules.pane + rules.pane
    return NOTHING if progress.watermark is None else progress.watermark


def closed_now(head: Head, rules: Rules, broker: Broker, now: int) -> int:
    """Return `closed_until` with the present end offsets; a broker that does not answer only makes it earlier."""
    try:
        return closed_until(head, rules, ends_for(broker, head, rules.reads), now)
    except NotRunning:
        return closed_until(head, rules, None, now)


def at_rest(head: Head, end_offsets: Offsets, since: int) -> bool:
    """Return whether all input had landed by `since` (ms), and nothing has come after it."""
    drained = all(head.frontier.get(p, 0) >= end for p, end in end_offsets.items())
    landed_at = head.landed_at or head.write_ts // 1000  # a new epoch begins without a landing of its own
    return head.state is State.LANDED and drained and landed_at <= since
