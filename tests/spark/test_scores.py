"""Live scores on known answers: the records of each batch, with replays, early corrections, and lines that are no events."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs.catalogue.scores.pipeline import UNREADABLE, pipeline
from tests.conftest import PROJECT

PROVIDER = "spark.sql.streaming.stateStore.providerClass"
ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
Records = list[tuple[str, Any]]


@pytest.fixture
def stateful(spark: SparkSession) -> Iterator[SparkSession]:
    """Spark with the state store that Python's states need, and workers that find the job."""
    context: Any = spark.sparkContext
    before, python = spark.conf.get(PROVIDER), context.pythonExec
    spark.conf.set(PROVIDER, ROCKSDB)
    context.pythonExec, context.environment["PYTHONPATH"] = sys.executable, str(PROJECT)
    yield spark
    spark.conf.set(PROVIDER, str(before))
    context.pythonExec = python
    del context.environment["PYTHONPATH"]


def event(name: str, match: str, kind: str, about: str) -> str:
    return json.dumps({"id": name, "match": match, "kind": kind, "of" if kind == "correction" else "team": about})


def run(spark: SparkSession, home: Path, *batches: list[str]) -> list[Records]:
    """Return the records of each batch; a batch is a file."""
    found: list[Records] = []
    (home / "in").mkdir()
    for n, lines in enumerate(batches):
        file = home / "in" / f"{n}.json"
        file.write_text("\n".join(lines))
        os.utime(file, (1_700_000_000 + n,) * 2)  # their order for Spark

    def keep(rows: Any, _: int) -> None:
        found.append(sorted((row.key, row.value if row.key == UNREADABLE else json.loads(row.value)) for row in rows.collect()))

    files = spark.readStream.option("maxFilesPerTrigger", 1).text((home / "in").as_uri())
    written = pipeline({"events": files}, {}).writeStream.outputMode("update").option("checkpointLocation", str(home / "checkpoint"))
    query = written.foreachBatch(keep).trigger(availableNow=True).start()
    query.awaitTermination(300)
    assert query.exception() is None
    return found


def test_each_change_of_a_score_is_one_record_with_a_version_that_grows(stateful: SparkSession, tmp_path: Path) -> None:
    g1, g2, card = event("g1", "m1", "goal", "Ajax"), event("g2", "m1", "goal", "Bayern"), event("c1", "m1", "card", "Ajax")
    early, late = event("x1", "m2", "correction", "g9"), event("g9", "m2", "goal", "Celtic")
    batches = [
        [g1, g2, g1, card],
        [g1, card],  # a replay changes nothing
        [early],
        [late, event("g8", "m2", "goal", "Celtic")],  # taken back before it came
        [event("x2", "m1", "correction", "g2"), event("x3", "m1", "correction", "g2")],
        ["{}", "no JSON", event("g7", "m1", "offside", "Ajax"), event("", "m1", "goal", "Ajax")],
        [event("7", "m1", "goal", "Ajax").replace('"7"', "7"), json.dumps({"id": "g1", "match": "m1", "kind": "goal", "team": "Zwolle"})],
    ]
    m1 = {"match": "m1", "cards": {"Ajax": 1}}
    assert run(stateful, tmp_path, *batches) == [
        [("m1", {**m1, "version": 1, "goals": {"Ajax": 1, "Bayern": 1}})],
        [],
        [],
        [("m2", {"match": "m2", "version": 1, "goals": {"Celtic": 1}, "cards": {}})],
        [("m1", {**m1, "version": 2, "goals": {"Ajax": 1}})],
        sorted((UNREADABLE, line) for line in batches[5]),
        [("m1", {**m1, "version": 3, "goals": {"Ajax": 2}})],
    ]
