"""Messages on their way, as pure steps: begin, then send, then settle. Killed between any two, nothing is lost, and what may have arrived
already says so the next time.

Each sink has its messages in order: one that fails holds back what follows at its own sink, and nothing at another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from weir.alerts.book import Delivery

LEASE_MS = 60_000  # far longer than a sink may take: whoever has begun and not settled by then is dead
BACKOFF_FIRST_MS, BACKOFF_MOST_MS = 10_000, 600_000
KEEP = 200  # undelivered messages of one sink that are kept apart; what comes then goes into one
MORE_LINES = 50


@dataclass(frozen=True)
class Sent:
    """What became of a try. `doubtful`: it may have arrived although it failed. `retry_after_ms` is what the sink asked for."""

    trouble: str = ""
    doubtful: bool = False
    retry_after_ms: int = 0


def queued(outbox: Sequence[Delivery], new: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """New messages behind those that wait. Of a sink that has been away for long, the last ones are put together into one."""
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
    """What is to be sent next: the first of each sink, where its time has come."""
    first: dict[str, Delivery] = {}
    for delivery in outbox:
        first.setdefault(delivery.sink, delivery)
    return next((d for d in first.values() if d.not_before <= now), None)


def begun(outbox: Sequence[Delivery], delivery: Delivery, now: int) -> tuple[tuple[Delivery, ...], Delivery]:
    """The outbox once somebody is about to send, and the delivery as it is then. Whoever began and never settled may have sent it."""
    mine = replace(delivery, tries=delivery.tries + 1, begun=True, doubtful=delivery.doubtful or delivery.begun, not_before=now + LEASE_MS)
    return _swapped(outbox, mine, mine), mine


def settled(outbox: Sequence[Delivery], delivery: Delivery, sent: Sent, now: int) -> tuple[Delivery, ...]:
    """The outbox once it is known what became of a try. If somebody has begun another meanwhile, theirs stands, unless this one arrived."""
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
    told = replace(message, kind="more", title=f"[more] {message.job}: messages that came while this sink was away", text=message.title)
    return replace(delivery, message=told)


def _with(more: Delivery, delivery: Delivery) -> Delivery:
    lines = [*more.message.text.splitlines(), delivery.message.title][-MORE_LINES:]
    return replace(more, message=replace(more.message, text="\n".join(lines)))
