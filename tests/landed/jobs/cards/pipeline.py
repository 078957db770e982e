"""Withdrawals by card: their number and sum so far, and the last three by event time, then id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

EVENT = "id LONG, card STRING, at LONG, amount LONG"
OUTPUT = "card STRING, n LONG, amount LONG, last STRING"


class Card(StatefulProcessor):
    """What is kept of one card."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        self._kept = handle.getValueState("kept", "n LONG, amount LONG, last STRING")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:
        n, amount, last = self._kept.get() if self._kept.exists() else (0, 0, "")
        known = [tuple(map(int, one.split(":"))) for one in last.split()]
        for row in rows:
            n, amount = n + 1, amount + row.amount
            known = sorted([*known, (row.at, row.id)])[-3:]
        last = " ".join(f"{at}:{one}" for at, one in known)
        self._kept.update((n, amount, last))
        yield Row(card=key[0], n=n, amount=amount, last=last)

    def close(self) -> None:
        """Nothing to close."""


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    events = inputs["withdrawals"].select(F.from_json(F.col("value").cast("string"), EVENT).alias("e")).select("e.*")
    return events.groupBy("card").transformWithState(Card(), OUTPUT, "update", "none")
