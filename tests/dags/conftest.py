"""Airflow for the tests of DAGs: its own home, its own SQLite, set before the first import of airflow; no server is started."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
HOME = tempfile.TemporaryDirectory(prefix="weir_dags_")
os.environ |= {
    "AIRFLOW_HOME": HOME.name,
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME.name}/airflow.db",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "spark://sparkhost", "port": 7077, "extra": {"deploy-mode": "cluster"}}',
    "WEIR_HOME": HOME.name,
}

from tests.dags.fleet import Fleet  # noqa: E402 - only now


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's tables, for tests that run whole DAGs."""
    from airflow.utils import db

    db.initdb()


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Jobs under a real manager whose parts are in memory; operators and triggers get to it as they would to the real one."""
    from weir.triggers import session

    made = Fleet(tmp_path)
    monkeypatch.setattr("weir.supervise.factory.manager", made.open)
    monkeypatch.setattr(session, "shared", session.Shared())
    return made
