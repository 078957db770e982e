"""Limits: requests by one user, and the size of one request."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException, status
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weir.errors import TooMany

RATE_PER_S, BURST = 10.0, 50  # enough for a fleet page every second and several programs
MOST_BYTES = 16_384  # of a body


@dataclass
class Bucket:
    """A token bucket: holds up to `burst` requests, and fills by `rate` a second."""

    rate: float
    burst: int
    left: float
    at: float  # s

    def take(self, now: float) -> float:
        """Take one request and return 0.0, or return the seconds to wait for it. A clock that goes back adds nothing."""
        self.left = min(self.burst, self.left + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0.0


class Buckets:
    """One bucket for each user, so as many as there are logins."""

    def __init__(self, clock: Callable[[], float], rate: float = RATE_PER_S, burst: int = BURST) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._lock, self._buckets = threading.Lock(), dict[str, Bucket]()

    def take(self, who: str) -> None:
        """Count a request of a user. Raises TooMany."""
        with self._lock:
            now = self._clock()
            wait = self._buckets.setdefault(who, Bucket(self._rate, self._burst, self._burst, now)).take(now)
        if wait:
            what = f"{who} sends more than {self._rate:g} requests a second."
            raise TooMany(what, f"Try again in {wait:.1f} s.", math.ceil(wait))


class BodyLimit:
    """Middleware that refuses a body of more than `most` bytes while reading it, whatever its Content-Length says."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, f"a body has at most {self._most} bytes")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)
