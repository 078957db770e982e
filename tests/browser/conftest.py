"""The real console in a real browser: Airflow's app with its real login, served over http; jobs are in memory; Debian's Chromium looks."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.counts.cells import Delta
from tests.browser.eyes import SHOTS, Eyes
from tests.dags.conftest import airflow, database, fleet  # noqa: F401 - fixtures
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import PASSWORD

BEFORE_S = 600.0
PATIENT_MS = 60_000  # of a machine that is busy with other work
RULES = "{name: many_errors, kind: threshold, above: 100, by: service, description: A service writes many errors.}"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests; each look has a profile of its own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium: make test-browser installs it")
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no Playwright: make test-browser installs it")
    shutil.rmtree(SHOTS, ignore_errors=True)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(airflow: Any) -> Iterator[str]:  # noqa: F811 - the fixture
    """Where Airflow is served."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(airflow, port=0, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server has ended"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def job(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:  # noqa: F811 - the fixture
    """A job that counts, by a clock that is a little behind the day's, and that stories put forward."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / f"{JOB}.yaml").write_text(f"job: {JOB}\nrules: [{RULES}]")
    monkeypatch.setenv("WEIR_RULES", str(tmp_path / "rules"))
    monkeypatch.setenv("WEIR_DATA_DOCS", str(tmp_path / "docs"))
    monkeypatch.setattr("weir.console.fleet.FRESH_S", -1)
    monkeypatch.setattr("weir.console.alerts.now", lambda: int(fleet.clock() * 1000))
    fleet.clock.now = time.time() - BEFORE_S
    fleet.manager.deploy(JOB, "ana", "the first")
    fleet.land(deltas=[Delta(int(fleet.clock() * 1000) // 10_000 * 10_000, "web", "error", "[client] File does not exist: *", 3)])
    fleet.alert(RULES)
    return fleet


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)], ids=lambda look: f"{look[0]}-{look[1]}")
def eyes(request: pytest.FixtureRequest, chromium: Any, address: str) -> Iterator[Eyes]:
    """An editor's browser, in each theme, on a desk and on a phone."""
    theme, width = request.param
    context = chromium.new_context(base_url=address, color_scheme=theme, viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENT_MS)
    answer = context.request.post("/auth/token", data={"username": "editor", "password": PASSWORD})
    context.add_cookies([{"name": "_token", "value": answer.json()["access_token"], "url": address}])
    looking = Eyes(context.new_page(), f"{theme}-{width}")
    yield looking
    context.close()
    assert looking.heard == [], "nothing runs that is not ours, and nothing is refused"
