"""When to let go of the connections: at once, or when the last user has left."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Lifetime:
    def __init__(self, end: Callable[[], None]) -> None:
        self._end, self._users, self._closing, self._counting = end, 0, False, threading.Lock()

    def close(self) -> None:
        with self._counting:
            self._closing = True
            if self._users:
                return
        self._end()

    def enter(self) -> None:
        """For work that goes on behind whoever may close: a driver was submitted, and its submission could not be noted any more."""
        with self._counting:
            self._users += 1

    def leave(self) -> None:
        with self._counting:
            self._users -= 1
            if self._users or not self._closing:
                return
        self._end()
