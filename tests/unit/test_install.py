"""What an Airflow of one's own is told to install agrees with what Weir is tested on."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[2]
EXTRA = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["airflow"]


@pytest.mark.parametrize("line", EXTRA)
def test_the_extra_for_airflow_allows_the_tested_version(line: str) -> None:
    wanted = Requirement(line)
    assert wanted.specifier.contains(version(wanted.name))
    assert re.search(rf"^{re.escape(wanted.name)}\b", (PROJECT / "requirements.in").read_text(), re.MULTILINE)
