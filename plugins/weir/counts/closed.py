"""Which panes are closed: those that alerts, folding and validation look at. A late line opens its pane again for them."""

from __future__ import annotations

from spark_jobs.protocol.head import Head, Offsets, State, base_progress
from weir.counts.rules import Rules
from weir.errors import NotRunning
from weir.ports.source import Broker
from weir.supervise.topics import ends_for

NOTHING = -(2**62)  # a moment before which there is no pane


def closed_until(head: Head, rules: Rules, end_offsets: Offsets | None, now: int) -> int:
    """The moment (ms) up to which panes are closed. `end_offsets` None: the broker could not be asked.

    Closed is what the watermark has passed. When the job has read to the end of every partition and stayed there for the allowed
    lateness, all that it has is closed too: nothing came for so long.
    """
    progress = base_progress(head)
    newest = max(progress.event_times.values(), default=None)
    if newest is not None and end_offsets is not None and at_rest(head, end_offsets, now - rules.lateness):
        return newest - newest % rules.pane + rules.pane
    return NOTHING if progress.watermark is None else progress.watermark


def closed_now(head: Head, rules: Rules, broker: Broker, now: int) -> int:
    """`closed_until` with the end offsets of this moment; a broker that does not answer only makes it earlier."""
    try:
        return closed_until(head, rules, ends_for(broker, head, rules.reads), now)
    except NotRunning:
        return closed_until(head, rules, None, now)


def at_rest(head: Head, end_offsets: Offsets, since: int) -> bool:
    """Has all input landed, and nothing come after it, since that moment?"""
    drained = all(head.frontier.get(p, 0) >= end for p, end in end_offsets.items())
    landed_at = head.landed_at or head.write_ts // 1000  # a new epoch begins without a landing of its own
    return head.state is State.LANDED and drained and landed_at <= since
