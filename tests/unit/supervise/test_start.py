"""Where a job begins that was never deployed: at its topics' beginning, at a time, or at given offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_jobs.protocol.partition import of_source
from weir.errors import Refused
from weir.factory import assemble

from .bench import JOB, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    for n in range(20):
        bench.broker.add("logs", 0, b"web", b"line", 1000 * n)
    bench.broker.forget("logs", 0, 3)
    return bench


def begins(bench: Bench, start: Any) -> None:
    """Let the job's spec begin there."""
    spec = bench.manager.specs[JOB]
    changed = spec.model_copy(update={"source": spec.source.model_copy(update={"start": start})})
    bench.manager.specs[JOB] = changed
    bench.manager = assemble(bench.manager.specs, bench.parts)


@pytest.mark.parametrize(
    ("start", "offset"), [("earliest", 3), ("1970-01-01T00:00:12Z", 12), ("1970-01-01T00:00:00Z", 3), ({"0": 7}, 7), ({"1": 0}, 3)]
)
def test_a_job_begins_where_its_spec_says(bench: Bench, start: Any, offset: int) -> None:
    begins(bench, start)
    bench.manager.deploy(JOB, who="ana")
    assert bench.head().frontier == of_source("topic-1", {0: offset, 1: 0})


@pytest.mark.parametrize("start", [{"0": 2}, {"0": 21}, {"9": 0}])
def test_offsets_that_the_broker_does_not_have_are_refused(bench: Bench, start: Any) -> None:
    begins(bench, start)
    with pytest.raises(Refused, match=r"source\.start"):
        bench.manager.deploy(JOB, who="ana")
    assert bench.store.head(JOB) is None


def test_the_plan_says_where_it_begins_and_a_later_deploy_does_not(bench: Bench) -> None:
    begins(bench, {"0": 7})
    assert "start: ok: it begins with partition 0 at 7, partition 1 at 0; earlier lines are not counted by this job" in "\n".join(
        bench.manager.plan(JOB).lines()
    )
    bench.manager.deploy(JOB, who="ana")
    assert not [check for check in bench.manager.plan(JOB).checks if check.name == "start"]
