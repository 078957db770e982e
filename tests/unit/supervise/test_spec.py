"""job.yaml as a typed model: what fits, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from weir.errors import BadSpec
from weir.jobs.spec import parse, sound
from weir.settings import PROJECT

GOOD = "name: counts\napplication: job.py\nsource: {topic: logs}\n"


def test_the_shipped_spec_fits() -> None:
    spec = sound(PROJECT / "spark_jobs")["error_counts"]
    assert (spec.panes.width, spec.panes.allowed_lateness, spec.panes.future_skew) == (10, 60, 3600)
    assert (PROJECT / spec.application).is_file()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("source: {topic: logs}\napplication: job.py", "name"),
        (GOOD.replace("counts", "Error Counts"), "name"),
        (GOOD + "panes: {width: 7s}", "panes.width"),
        (GOOD + "panes: {width: 10 parsecs}", "panes.width"),
        (GOOD + "panes: {shards: 0}", "panes.shards"),
        (GOOD + "restart: {budgett: 5}", "restart.budgett"),
        (GOOD.replace("logs", "logs, time_zone: Mars/Olympus"), "source.time_zone"),
        (GOOD + "resources: {driver_memory: lots}", "resources.driver_memory"),
        ("name: [", "not YAML"),
        ("", "the file"),
    ],
)
def test_a_mistake_is_named_by_its_field(text: str, field: str) -> None:
    with pytest.raises(BadSpec, match=r"WEIR-102: counts/job.yaml") as error:
        parse(text, "counts/job.yaml")
    assert field in str(error.value)


def test_spark_conf_is_text() -> None:
    assert parse(GOOD + "spark_conf: {a.b: true, c.d: 2}", "x").spark_conf == {"a.b": "true", "c.d": "2"}


def test_of_two_jobs_of_one_name_the_first_counts_and_the_other_is_told(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "job.yaml").write_text(GOOD)
    found = sound(tmp_path)
    assert list(found) == ["counts"] and str(found.bad["b"]) == (
        "WEIR-102: b/job.yaml: name: counts is the job of a/job.yaml already. Choose another name."
    )
