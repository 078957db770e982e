"""What DStreams kept by key from batch to batch: a sum so far, and state with a function and a timer of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

SILENCE_MS = 60_000


def update_state_by_key(events: DataFrame) -> DataFrame:
    """Count the errors of each service so far. With output mode update, a batch gives the services that it has events of."""
    return events.groupBy("service").agg(F.count_if(events.level == "error").alias("errors"))


def map_with_state(events: DataFrame) -> DataFrame:
    """Count the errors of each service so far, and forget a service after a minute of event time without an event."""
    rows = events.select("timestamp", "service", "level", F.unix_millis("timestamp").alias("at"))
    return rows.groupBy("service").transformWithState(Service(), "service STRING, errors LONG, forgotten BOOLEAN", "update", "eventtime")


class Service(StatefulProcessor):  # type: ignore[misc]  # mypy skips pyspark
    """What is kept of one service: its errors, and a timer that fires a minute after its newest event."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        self._handle, self._kept = handle, handle.getValueState("kept", "errors LONG, newest LONG")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:
        errors, newest = self._kept.get() if self._kept.exists() else (0, 0)
        for row in rows:
            errors, newest = errors + (row.level == "error"), max(newest, row.at)
        self._kept.update((errors, newest))
        for timer in list(self._handle.listTimers()):
            self._handle.deleteTimer(timer)
        self._handle.registerTimer(newest + SILENCE_MS)
        yield Row(service=key[0], errors=errors, forgotten=False)

    def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Row]:
        errors, _ = self._kept.get()
        self._kept.clear()
        yield Row(service=key[0], errors=errors, forgotten=True)

    def close(self) -> None:
        """Nothing to close."""
