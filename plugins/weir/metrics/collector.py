"""The collector that Prometheus scrapes: the families of one check, kept for a few seconds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.registry import Collector

from weir.metrics.families import empty, families
from weir.metrics.look import Look

FRESH_S = 5.0  # simultaneous scrapes share one check

log = logging.getLogger(__name__)


class FleetCollector(Collector):
    """Serves the families of `look()`. If it raises, everything is unknown and `weir_up` is 0."""

    def __init__(self, look: Callable[[], Look], fresh_s: float = FRESH_S) -> None:
        self._look, self._fresh_s, self._turn = look, fresh_s, threading.Lock()
        self._at, self._families = float("-inf"), list[Any]()

    def describe(self) -> Iterable[Any]:
        """Return all families without samples, without a check."""
        return empty().values()

    def collect(self) -> Iterable[Any]:
        with self._turn:
            if time.monotonic() - self._at > self._fresh_s:
                self._families = families(self._seen())
                self._at = time.monotonic()
            return self._families

    def _seen(self) -> Look:
        began, at = time.monotonic(), time.time()
        try:
            return self._look()
        except Exception as error:  # noqa: BLE001 - any error must still give Prometheus an answer
            log.warning("the fleet could not be checked: %r", error)
            return Look(False, at, time.monotonic() - began)
