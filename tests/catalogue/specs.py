"""The specs of the catalogue, for the rigs of its tests."""

from __future__ import annotations

from typing import Any

import yaml

from tests.conftest import PROJECT

CATALOGUE = PROJECT / "spark_jobs" / "catalogue"


def spec_of(job: str) -> dict[str, Any]:
    """Return the spec of a job of the catalogue, with its code, for tests.landed.rig."""
    return {**yaml.safe_load((CATALOGUE / job / "job.yaml").read_text()), "code": str(CATALOGUE / job)}
