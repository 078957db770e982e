"""Close the store at once, or when its last user has left."""

from __future__ import annotations

import threading
from typing import Protocol


class Closes(Protocol):
    def close(self) -> None: ...


class Lifetime:
    def __init__(self, store: Closes) -> None:
        self._store, self._users, self._closing, self._counting = store, 0, False, threading.Lock()

    def close(self) -> None:
        with self._counting:
            self._closing = True
            if self._users:
                return
        self._store.close()

    def enter(self) -> None:
        """Keep the store open for background work. Without this a driver was submitted after the store was closed, and its submission
        could not be recorded."""
        with self._counting:
            self._users += 1

    def leave(self) -> None:
        with self._counting:
            self._users -= 1
            if self._users or not self._closing:
                return
        self._store.close()
