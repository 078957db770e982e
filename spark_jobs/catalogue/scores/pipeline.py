"""Live scores: events of matches in, one record for each match whose score a batch has changed out. Its key is the match.

An event is JSON: id, match, kind (goal, card or correction), team, and of a correction `of`, the id of the event that it takes back.
A record that is not an event goes out unchanged, cut to 1,000 characters, under the key `(unreadable)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor, StatefulProcessorHandle

from .score import CARD, CORRECTION, GOAL, added, score

UNREADABLE = "(unreadable)"
EVENT = "id STRING, match STRING, kind STRING, team STRING, of STRING"


class Match(StatefulProcessor):  # type: ignore[misc]  # Spark has no types here
    """What is kept of a match: its events by id, as JSON, and how often its score has changed."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        self._kept = handle.getValueState("kept", "version LONG, events STRING")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:
        if key[0] == UNREADABLE:
            yield from (Row(key=UNREADABLE, value=row.line) for row in rows)
            return
        version, text = self._kept.get() if self._kept.exists() else (0, "{}")
        known = {name: (kind, about) for name, (kind, about) in json.loads(text).items()}
        now = added(known, ((row.id, (row.kind, row.about)) for row in rows))
        if (found := score(now)) != score(known):
            version += 1
            yield Row(key=key[0], value=json.dumps({"match": key[0], "version": version, **found}, sort_keys=True))
        if now != known:
            self._kept.update((version, json.dumps(now)))

    def close(self) -> None:
        """Nothing to close."""


def pipeline(inputs: Mapping[str, DataFrame], options: Any) -> DataFrame:
    """Return records with the score of each match, as the Kafka sink takes them. `version` grows by one with each record of a match."""
    line = F.col("value").cast("string")
    events = inputs["events"].select(F.from_json(line, EVENT).alias("e"), F.left(F.make_valid_utf8(line), F.lit(1000)).alias("line"))
    return (
        events.select("e.id", "e.kind", _about().alias("about"), _match().alias("match"), "line")
        .groupBy("match")
        .transformWithState(Match(), "key STRING, value STRING", "update", "none")
    )


def _about() -> Column:
    return F.when(F.col("e.kind") == CORRECTION, F.col("e.of")).when(F.col("e.kind").isin(GOAL, CARD), F.col("e.team"))


def _match() -> Column:
    """Return the match of a readable event, and UNREADABLE for all else: a field that is missing or empty, or of another kind."""
    match = F.col("e.match")
    readable = (F.col("e.id") != "") & (match != "") & (match != UNREADABLE) & (_about() != "")
    return F.when(readable, match).otherwise(F.lit(UNREADABLE))
