"""`kill -9` of a server under load: it comes back, and the counts are exact. `make test-faults` runs all of them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from .conftest import JOB, Stack, generate, one_of_its_kind, until
from .test_main_job import expected, iso

pytestmark = [pytest.mark.stack, pytest.mark.faults]
YEARS = {"spark-worker": 2014, "kafka": 2015, "cassandra": 2016, "airflow-scheduler": 2017, "spark-master": 2018}
# CI runs the one that tests most of the driver's patience; the others wait for `make test-faults`
IN_CI = {"cassandra"}


@pytest.mark.parametrize("part", YEARS)
def test_the_counts_are_exact_after_a_kill(stack: Stack, tmp_path: Path, part: str) -> None:
    if part not in IN_CI and not os.environ.get("WEIR_ALL_FAULTS"):
        pytest.skip("make test-faults runs it")
    service = one_of_its_kind(part)
    start = int(datetime(YEARS[part], 3, 1, tzinfo=UTC).timestamp() * 1000)
    truth = generate(tmp_path / "load.log", seed=YEARS[part], lines=200_000, start_ms=start, service=service)
    before = stack.landed()["batch_id"], stack.landed()["attempt"]
    sending = stack.ingest_in_background(tmp_path / "load.log", service)
    until(lambda: (stack.landed()["batch_id"], stack.landed()["attempt"]) != before, "a batch of the load has landed")
    killed = stack.kill(part)
    until(lambda: (row := stack.part(part)).get("state") == "ok" and row["pid"] != killed, f"{part} is back")
    output, _ = sending.communicate(timeout=300)
    assert sending.returncode == 0, output
    until(lambda: stack.part(f"driver:{JOB}").get("state") == "ok", "the driver runs")
    stack.wait_landed()
    proof = stack.json("recount", JOB)
    assert (proof["missing"], proof["doubled"], proof["unchecked_lines"]) == (0, 0, 0), proof
    panes = [pane for pane, *_ in truth.panes]
    assert stack.counted(iso(min(panes)), iso(max(panes) + 10_000), {service}) == expected(truth)
