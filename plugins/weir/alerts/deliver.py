"""Deliver the outbox: record the start, send, record the result. After a kill in between, the message is sent again and says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from weir.alerts import messages, outbox
from weir.alerts.book import Book, Delivery
from weir.alerts.keep import change, open_book
from weir.alerts.outbox import Sent
from weir.alerts.sink import Sink
from weir.alerts.store import DecisionStore
from weir.errors import WeirError

Sinks = Callable[[str], Sink]  # by name. Raises BadInput if there is none
Clock = Callable[[], float]  # seconds since 1970
MOST = 100  # messages of one call; the rest is sent by the next call

log = logging.getLogger(__name__)


def deliver(store: DecisionStore, job: str, sinks: Sinks, clock: Clock, most: int = MOST) -> int:
    """Send each due message once, and return how many arrived. Failed messages stay in the outbox for a later try."""
    arrived = 0
    for _ in range(most):
        mine = _begin(store, job, _now(clock))
        if mine is None:
            break
        sent = _send(sinks, mine)
        if sent.trouble:
            log.warning("sink %s did not accept %s: %s", mine.sink, mine.message.id, sent.trouble)
        change(store, job, partial(_settle, mine=mine, sent=sent, now=_now(clock)))
        arrived += not sent.trouble
    return arrived


def _begin(store: DecisionStore, job: str, now: int) -> Delivery | None:
    """Take the next due message, so that no other sender does. None if there is none."""
    if outbox.due(open_book(store, job)[1].outbox, now) is None:
        return None
    taken: list[Delivery] = []

    def step(book: Book) -> Book:
        taken.clear()
        delivery = outbox.due(book.outbox, now)
        if delivery is None:
            return book
        left, mine = outbox.begun(book.outbox, delivery, now)
        taken.append(mine)
        return replace(book, outbox=left)

    change(store, job, step)
    return taken[0] if taken else None


def _send(sinks: Sinks, delivery: Delivery) -> Sent:
    """Send a message and return the result. Never raises: a sink that fails must not delay other sinks."""
    message = delivery.message
    if delivery.doubtful:
        message = replace(message, text=messages.repeat(message))
    try:
        return sinks(delivery.sink).send(message)
    except WeirError as error:
        return Sent(error.what)
    except Exception as error:
        log.exception("sink %s failed", delivery.sink)
        return Sent(f"{type(error).__name__}: {error}", doubtful=True)


def _settle(book: Book, mine: Delivery, sent: Sent, now: int) -> Book:
    return replace(book, outbox=outbox.settled(book.outbox, mine, sent, now))


def _now(clock: Clock) -> int:
    return round(clock() * 1000)
