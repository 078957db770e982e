"""The jobs of the catalogue as they are deployed: every spec is valid, and a bundle has its job's code and no other job's."""

from __future__ import annotations

import sys

import pytest

from tests.conftest import PROJECT
from weir.jobs.bundle import made_of
from weir.jobs.folders import sound
from weir.supervise.preflight import application, rehearsal

CATALOGUE = PROJECT / "spark_jobs" / "catalogue"
SPECS = sound(CATALOGUE)


def test_every_spec_is_valid_and_has_the_name_of_its_folder() -> None:
    assert SPECS.bad == {} and set(SPECS) == {file.parent.name for file in CATALOGUE.glob("*/job.yaml")}


@pytest.mark.parametrize("job", [*SPECS, "error_counts"])
def test_a_bundle_has_the_code_of_its_own_job_only(job: str) -> None:
    """Else an edit of one job would be a new version of all others."""
    spec = {**SPECS, **sound(PROJECT / "spark_jobs")}[job]
    files = made_of(spec, PROJECT / "spark_jobs", CATALOGUE).files
    assert spec.entry in files
    if job in SPECS:
        assert application(made_of(spec, CATALOGUE), rehearsal(sys.executable)).ok, "its imports are found as its driver does"
    assert [place for place in files if place.startswith("spark_jobs/catalogue/") and place != "spark_jobs/catalogue/__init__.py"] == []
