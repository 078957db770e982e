"""What an Airflow of one's own is told to install agrees with what Weir is tested on."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from weir.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
EXTRA = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["airflow"]


@pytest.mark.parametrize("line", EXTRA)
def test_the_extra_for_airflow_allows_the_tested_version(line: str) -> None:
    wanted = Requirement(line)
    assert wanted.specifier.contains(version(wanted.name))
    assert re.search(rf"^{re.escape(wanted.name)}\b", (PROJECT / "requirements.in").read_text(), re.MULTILINE)


def test_only_a_default_says_nothing_about_where_spark_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.delenv("WEIR_SPARK_REST", raising=False)
    assert not Settings.load().names_spark, "the command line asks Airflow's connection then"
    monkeypatch.setenv("WEIR_SPARK_REST", "http://spark:6066")
    assert Settings.load().names_spark
    monkeypatch.delenv("WEIR_SPARK_REST")
    (tmp_path / "stack.json").write_text("{}")
    assert Settings.load().names_spark
