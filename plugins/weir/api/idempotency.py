"""One action for one key: whoever comes again with the same request gets the first answer, whichever server they come to.

A key is claimed by a lightweight transaction before anything is done. A claim whose server died is taken over after a while, and the action
is done again: that does no harm, since each is held to what was shown, and what has been done already is no longer so.
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

CLAIM_MS = 600_000  # far longer than the longest act takes, which is ended after three minutes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The http status and the body; `again` if it was given before."""

    status: int
    body: dict[str, Any]
    again: bool = False


@dataclass(frozen=True)
class Place:
    """Whose key it is, and what they ask for under it."""

    who: str
    key: str
    digest: str


def digest(*asked: object) -> str:
    """What tells one request from another: JSON values."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def once(store: RequestStore, place: Place, now_ms: Callable[[], int], do: Callable[[], Answer]) -> Answer:
    """The answer of `do`, called once. What it raises is no answer: the claim is given up, and the next request with the key does it anew.

    Raises KeyReused (the key was of another request), AtWork (somebody is at it), and what `do` and the store raise.
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
    """A claim that is now this call's, or a request that is answered."""
    known, mine = store.asked(place.who, place.key), Asked(uuid4().hex, place.digest, now)
    held = known if known is not None and known.at else None
    if held and held.digest != place.digest:
        raise KeyReused(f"Idempotency-Key: {place.key} was sent with another request. Nothing was done.", "Send a new key.")
    if held and held.answer:
        return held
    if (held and now - held.at < CLAIM_MS) or not store.set_asked(place.who, place.key, known, mine):
        raise AtWork(f"A request with the key {place.key} is at work.", "Send the same request again in a moment.")
    return mine


def _keep(store: RequestStore, place: Place, mine: Asked, new: Asked) -> None:
    """What was done is done: an answer that cannot be kept is logged, and still given."""
    try:
        store.set_asked(place.who, place.key, mine, new)
    except WeirError:
        log.exception("the answer to %s of %s could not be kept", place.key, place.who)
