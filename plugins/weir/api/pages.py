"""Long answers in pages: each has an opaque cursor for the next one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from weir.errors import BadInput

T = TypeVar("T")


def page(found: Iterable[T], limit: int, row: Callable[[T], dict[str, Any]], place: Callable[[T], list[Any]]) -> dict[str, Any]:
    """Return the first `limit` rows. `next` is the cursor behind the last of them, None if there are no more."""
    first = list(islice(found, limit + 1))
    more = cursor(place(first[limit - 1])) if len(first) > limit else None
    return {"items": [row(one) for one in first[:limit]], "next": more}


def cursor(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(text: str, *kinds: type) -> list[Any]:
    """Decode a cursor with values of these types; empty for an empty text. Raises BadInput."""
    if not text:
        return []
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error):
        found = None
    fits = isinstance(found, list) and [type(value) for value in found] == list(kinds)
    if not fits or any(isinstance(value, int) and not -(2**53) < value < 2**53 for value in found):
        raise BadInput("cursor: it does not belong to this address.", "Send `next` of the previous page unchanged.")
    return list(found)
