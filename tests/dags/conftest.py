"""Airflow for the tests of DAGs: its own home, its own SQLite, set before the first import of airflow; no server is started."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

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
from tests.dags.pages import PASSWORD, entry_point  # noqa: E402


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's tables, for tests that run whole DAGs."""
    from airflow.utils import db

    db.initdb()


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Jobs under a real manager whose parts are in memory; operators and triggers get to it as they would to the real one."""
    from weir.airflow.triggers import session

    made = Fleet(tmp_path)
    monkeypatch.setattr("weir.factory.manager", made.open)
    monkeypatch.setattr(session, "shared", session.Shared(session.connect))
    return made


@pytest.fixture(scope="module")
def airflow(database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Airflow's API server as an app, with the plugin of the entry point and the logins `viewer`, `editor` and `other`, an editor, too."""
    from airflow import plugins_manager
    from airflow.api_fastapi.app import create_app, purge_cached_app

    caches = (plugins_manager._get_plugins, plugins_manager._get_ui_plugins, plugins_manager.get_fastapi_plugins)
    passwords = tmp_path_factory.mktemp("airflow") / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(("viewer", "editor", "other"), PASSWORD)))

    def forget() -> None:
        purge_cached_app()
        for cache in caches:
            cache.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "viewer:viewer,editor:user,other:user")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
        patch.setenv("AIRFLOW__API__SECRET_KEY", "y" * 64)
        patch.setattr("airflow.plugins_manager._load_entrypoint_plugins", lambda: ([entry_point().load()()], {}))
        forget()
        yield create_app(apps="core")
    forget()


@pytest.fixture
def anybody(airflow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("WEIR_DATA_DOCS", str(tmp_path / "docs"))
    monkeypatch.setattr("weir.console.fleet.FRESH_S", -1)
    monkeypatch.setattr("weir.console.live.LIFE_S", 0)  # a stream says what there is, and ends
    return TestClient(airflow, follow_redirects=False)


@pytest.fixture
def viewer(anybody: TestClient) -> TestClient:
    return logged_in(anybody, "viewer")


@pytest.fixture
def editor(anybody: TestClient) -> TestClient:
    return logged_in(anybody, "editor")


def logged_in(client: TestClient, name: str) -> TestClient:
    answer = client.post("/auth/token", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 201
    client.cookies.set("_token", answer.json()["access_token"])
    return client
