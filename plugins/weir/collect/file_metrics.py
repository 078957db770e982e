"""Serve metrics and health of followed files, as the other kinds of `weir collect` do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from weir.addresses import ingest_kafka_address
from weir.collect import metrics
from weir.collect.committed import CommittedPositions, Left
from weir.collect.counters import Counters
from weir.collect.files import Followers
from weir.collect.serve import serve
from weir.settings import Settings

TICK_S = 5.0  # s between updates of the waiting time, also without a scrape


class FileMetrics:
    """Metrics and health of the files of `followers`. `key` returns the key of a file's position."""

    def __init__(self, followers: Followers, key: Callable[[str], str], settings: Settings, stopping: threading.Event) -> None:
        self._followers, self._key, self._stopping = followers, cache(key), stopping
        self._seen, self._lock = Counters(), threading.Lock()
        self._committed = CommittedPositions(ingest_kafka_address(settings), self._files, self._seen)

    def serve(self, host: str, port: int) -> str:
        """Serve until the process ends; return the address. Raises BadInput."""
        server = serve(host, port, self._families, self._health)
        for run in (lambda: self._committed.run(self._stopping), self._look):
            threading.Thread(target=run, daemon=True).start()
        return f"http://{host}:{server.server_port}/metrics, /health"

    def _files(self) -> Mapping[str, str]:
        return {file: self._key(file) for file in self._followers.files()}

    def _look(self) -> None:
        while not self._stopping.wait(TICK_S):
            self._left()

    def _left(self) -> Left:
        with self._lock:
            return self._committed.left(time.time())

    def _families(self) -> list[Any]:
        left = self._left()
        return metrics.families(metrics.of_files(self._seen, len(self._files()), self._followers.restarts, left.size, left.age))

    def _health(self) -> dict[str, Any]:
        left = self._left()
        found = metrics.health(self._seen, None, time.time())
        return {**found, "waiting_bytes": left.size, "oldest_waiting_s": left.age}
