"""One action for one idempotency key: a repeated request gets the first answer, from whichever instance.

A key is claimed by a lightweight transaction before anything is done. If the instance dies, another takes the claim over after CLAIM_MS and
runs the action again. That does no harm: each action applies only to what was shown, and after the first run that has changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from weir.errors import AtWork, KeyReused, WeirError
from weir.ports.requests import Asked, RequestStore

CLAIM_MS = 600_000  # far longer than the longest action, which is ended after three minutes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """HTTP status and body; `again` if it is a repeated answer."""

    status: int
    body: dict[str, Any]
    again: bool = False


@dataclass(frozen=True)
class Place:
    """A user's key, and the digest of the request."""

    who: str
    key: str
    digest: str


def digest(*asked: object) -> str:
    """Return a digest of JSON values that identifies a request."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def once(store: RequestStore, place: Place, now_ms: Callable[[], int], do: Callable[[], Answer]) -> Answer:
    """Call `do` once for a key and return its answer. If `do` raises, the claim is released, and the next request with the key runs it
    again.

    Raises KeyReused (the key belongs to another request), AtWork (the request is still running), and what `do` and the store raise.
    """
    mine = _claim(store, place, now_ms())
    if mine.answer:
        return Answer(mine.status, json.loads(mine.answer), again=True)
    try:
        answer = do()
    except BaseException:
        _keep(store, place, mine, replace(mine, at=0))
        raise
    _keep(store, place, mine, replace(mine, status=answer.status, answer=json.dumps(answer.body)))
    return answer


def _claim(store: RequestStore, place: Place, now: int) -> Asked:
    """Return this call's new claim, or a request that has an answer."""
    known, mine = store.asked(place.who, place.key), Asked(uuid4().hex, place.digest, now)
    held = known if known is not None and known.at else None
    if held and held.digest != place.digest:
        raise KeyReused(f"Idempotency-Key: {place.key} was sent with another request. Nothing was done.", "Send a new key.")
    if held and held.answer:
        return held
    if (held and now - held.at < CLAIM_MS) or not store.set_asked(place.who, place.key, known, mine):
        raise AtWork(f"A request with the key {place.key} is still running.", "Send the same request again in a moment.")
    return mine


def _keep(store: RequestStore, place: Place, mine: Asked, new: Asked) -> None:
    """Store the answer. If that fails, log it and return the answer anyway: the action was done."""
    try:
        store.set_asked(place.who, place.key, mine, new)
    except WeirError:
        log.exception("the answer to %s of %s could not be kept", place.key, place.who)
