"""The outbox as pure steps: begin, send, settle. A kill between any two loses nothing; a message that may have arrived says so next time.

Messages to one sink keep their order. A message that fails delays later ones to the same sink only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from weir.alerts.book import Delivery

LEASE_MS = 60_000  # far longer than a sink may take: a sender that has not settled by then is dead
BACKOFF_FIRST_MS, BACKOFF_MOST_MS = 10_000, 600_000
KEEP = 200  # undelivered messages of one sink that are kept separately; further ones are combined into one
MORE_LINES = 50


@dataclass(frozen=True)
class Sent:
    """The result of a try."""

    trouble: str = ""  # why it failed; empty if it arrived
    doubtful: bool = False  # it may have arrived although it failed
    retry_after_ms: int = 0  # what the sink asked for; 0 if it did not


def queued(outbox: Sequence[Delivery], new: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """Append new messages. If KEEP messages wait for a sink, combine further ones into one."""
    waiting = list(outbox)
    for delivery in new:
        same = [i for i, d in enumerate(waiting) if d.sink == delivery.sink]
        if len(same) < KEEP:
            waiting.append(delivery)
        elif waiting[same[-1]].message.kind == "more" and not waiting[same[-1]].tries:  # one that was tried may have arrived
            waiting[same[-1]] = _with(waiting[same[-1]], delivery)
        else:
            waiting.append(_more(delivery))
    return tuple(waiting)


def due(outbox: Sequence[Delivery], now: int) -> Delivery | None:
    """Return the next message to send: the first of a sink whose time has come. None if there is none."""
    first: dict[str, Delivery] = {}
    for delivery in outbox:
        first.setdefault(delivery.sink, delivery)
    return next((d for d in first.values() if d.not_before <= now), None)


def begun(outbox: Sequence[Delivery], delivery: Delivery, now: int) -> tuple[tuple[Delivery, ...], Delivery]:
    """Return the outbox with this delivery begun, and the delivery. If an earlier try began but never settled, it may have arrived."""
    mine = replace(delivery, tries=delivery.tries + 1, begun=True, doubtful=delivery.doubtful or delivery.begun, not_before=now + LEASE_MS)
    return _swapped(outbox, mine, mine), mine


def settled(outbox: Sequence[Delivery], delivery: Delivery, sent: Sent, now: int) -> tuple[Delivery, ...]:
    """Return the outbox after the result of a try. If another sender began meanwhile, its entry stays, unless this try arrived."""
    if not sent.trouble:
        return _swapped(outbox, delivery, None)
    current = _find(outbox, delivery)
    if current is None or current.tries != delivery.tries:
        return tuple(outbox)
    wait = max(sent.retry_after_ms, min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** min(delivery.tries - 1, 10)))
    failed = replace(delivery, begun=False, doubtful=delivery.doubtful or sent.doubtful, not_before=now + wait, trouble=sent.trouble)
    return _swapped(outbox, delivery, failed)


def _swapped(outbox: Sequence[Delivery], old: Delivery, new: Delivery | None) -> tuple[Delivery, ...]:
    return tuple(kept for d in outbox if (kept := new if _same(d, old) else d) is not None)


def _find(outbox: Sequence[Delivery], delivery: Delivery) -> Delivery | None:
    return next((d for d in outbox if _same(d, delivery)), None)


def _same(one: Delivery, other: Delivery) -> bool:
    return (one.message.id, one.sink) == (other.message.id, other.sink)


def _more(delivery: Delivery) -> Delivery:
    message = delivery.message
    told = replace(
        message,
        kind="more",
        title=f"[more] {message.job}: messages that could not be delivered while this sink was away",
        text=message.title,
    )
    return replace(delivery, message=told)


def _with(more: Delivery, delivery: Delivery) -> Delivery:
    lines = [*more.message.text.splitlines(), delivery.message.title][-MORE_LINES:]
    return replace(more, message=replace(more.message, text="\n".join(lines)))
