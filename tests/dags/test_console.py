"""The console in Airflow's real app, with its real login; jobs are in memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from tests.dags.conftest import PROJECT, logged_in
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import HOSTILE, Elements, entry_point, shown
from weir.console import fleet as rows_of
from weir.console.app import build
from weir.errors import NotRunning
from weir.ports.attempts import AttemptRow
from weir.ports.reports import JobSnapshot
from weir.supervise.actions import ACTIONS
from weir.supervise.judge.report import CALM, Report, Verdict

OTHER_KINDS = dict.fromkeys(("keep_state", "empty_state"), 400)  # need state, which no counting job keeps
NOTHING_TO_DO = {"quarantine": 409, "accept_loss": 409, "acknowledge": 409, "confirm_ended": 409, **OTHER_KINDS}  # of a job that is well


def addresses() -> list[tuple[str, str]]:
    """Every method and path of the app: a route that is added is in the tests at once."""
    routes = build().routes
    assert all(isinstance(route, APIRoute) for route in routes), "a route of another kind has no dependencies: nothing asks for a login"
    filled = [
        (method, route.path.replace("{path:path}", "x/index.html").replace("{name}", JOB).replace("{dag_id}", f"{JOB}_fold"))
        for route in routes
        for method in route.methods  # type: ignore[attr-defined]
    ]
    filled = [(method, path.replace("{rule}", "many_errors").replace("{incident}", "none")) for method, path in filled]
    return [(method, path.replace("{act}", act)) for method, path in filled for act in (ACTIONS if "{act}" in path else [""])]


@pytest.mark.parametrize(("method", "path"), addresses())
def test_without_a_login_nothing_is_shown(anybody: TestClient, method: str, path: str) -> None:
    assert anybody.request(method, f"/weir{path}").status_code == 401
    assert anybody.request(method, f"/weir{path}", headers={"Authorization": "Bearer x.y.z"}).status_code in (401, 403)


@pytest.mark.parametrize(("method", "path"), addresses())
def test_who_may_not_read_dags_sees_nothing(viewer: TestClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    def only_one(*, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        return details is not None and details.id == "mine"

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_one)
    for query in ("", "?dag_id=mine"):
        assert viewer.request(method, f"/weir{path}{query}").status_code == 403


@pytest.mark.parametrize(("method", "path"), addresses())
def test_readers_read_and_editors_act(anybody: TestClient, fleet: Fleet, method: str, path: str) -> None:
    """What acts is refused to a reader, and asks an editor for the seal of its form. There are no Data Docs here."""
    fleet.manager.deploy(JOB)
    acts, before = path.rsplit("/", 1)[-1] in (*ACTIONS, "acknowledge"), fleet.store.events(JOB)
    answers = [logged_in(anybody, name).request(method, f"/weir{path}").status_code for name in ("viewer", "editor")]
    there = 404 if path.startswith("/docs/") else 307 if path.startswith("/dags/") else 200
    if method == "POST":
        assert answers == [403, 403]
    elif acts:
        assert answers == [403, NOTHING_TO_DO.get(path.rsplit("/", 1)[-1], 200)]
    else:
        assert answers == [there, there]
    assert (method == "POST") <= acts, "what is not an action is only looked at"
    assert [event for event in fleet.store.events(JOB) if event.kind != "verdict"] == list(before)


def test_there_is_nothing_but_what_the_walk_sees(anybody: TestClient) -> None:
    assert len(addresses()) == 15 + 2 * len(ACTIONS)
    for path in ("openapi.json", "docs", "redoc", "none"):
        assert anybody.get(f"/weir/{path}").status_code in (401, 404)


def test_the_fleet_page_shows_each_job(viewer: TestClient, fleet: Fleet) -> None:
    fleet.add("another")
    fleet.manager.deploy(JOB)
    fleet.land()
    page = viewer.get("/weir/")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    for told in (JOB, "another has not been deployed yet", "counting", "0 lines", "deploy by", "nothing yet", f"docs/{JOB}/index.html"):
        assert told in page.text
    assert page.text.index(f">{JOB}<") < page.text.index(">another<")
    assert "<script>" not in page.text and "style=" not in page.text and "default-src 'none'" in page.headers["content-security-policy"]
    assert viewer.get("/weir/console.css").headers["content-type"] == "text/css; charset=utf-8"


def test_the_filter_is_in_the_address(viewer: TestClient, fleet: Fleet) -> None:
    fleet.add("another", "third")
    fleet.manager.deploy(JOB)

    def found(query: str) -> list[str]:
        links = Elements(viewer.get(f"/weir/?{query}").text).links
        return [link.removeprefix("jobs/") for link in links if link.startswith("jobs/")]

    assert found("verdict=stopped") == ["another", "third"] and found("q=THI&verdict=stopped") == ["third"] and found("q=none") == []
    assert "1 of 3 jobs" in viewer.get("/weir/?q=third").text


def test_the_page_looks_again_by_itself_only_if_asked_to(viewer: TestClient, fleet: Fleet) -> None:
    assert 'http-equiv="refresh"' not in viewer.get("/weir/").text
    assert 'http-equiv="refresh" content="30"' in viewer.get("/weir/?every=30").text
    assert 'http-equiv="refresh" content="10"' in viewer.get("/weir/?every=1").text


def test_all_who_look_at_the_same_moment_share_one_look(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[object] = []
    onlooker = fleet.manager.onlooker
    monkeypatch.setattr(fleet.manager, "onlooker", lambda: looks.append(1) or onlooker())
    monkeypatch.setattr(rows_of, "FRESH_S", 3600)

    async def together() -> list[Any]:
        view = rows_of.View()
        return await asyncio.gather(*(view.rows() for _ in range(3)))

    first, *others = asyncio.run(together())
    assert [row["job"] for row in first] == [JOB] and others == [first, first]
    assert len(looks) == 1


def test_a_store_that_is_away_is_told(viewer: TestClient, fleet: Fleet) -> None:
    fleet.broken = NotRunning("Cassandra <does> not answer.", "See: weir status")
    page = viewer.get("/weir/")
    assert page.status_code == 503 and "WEIR-201: Cassandra &lt;does&gt; not answer. See: weir status" in page.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_others_wrote_is_text(viewer: TestClient, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, hostile: str) -> None:
    def page(text: str) -> Elements:
        evidence = {"lag": 1, "proven": {"up_to": text, "share": 0.5}}
        report = Report(text, Verdict.DOWN, 1, 1000, text, text, evidence)
        attempt = AttemptRow(1, text, text, text, taken_at=1000, incarnation=text)
        monkeypatch.setattr(fleet.manager, "onlooker", lambda: SimpleNamespace(reports=lambda specs: [report]))
        monkeypatch.setattr(fleet.store, "snapshots", lambda jobs, history: {text: JobSnapshot(attempts=[attempt])})
        return Elements(viewer.get("/weir/").content.decode())

    harmless, harmful = page("harmless"), page(hostile)
    assert harmful.tags == harmless.tags and len(harmful.tags) > 20
    assert all(
        link.startswith(("docs/", "jobs/", "alerts", "inbox", "console.css", "live.js", "idiomorph-", "?")) for link in harmful.links
    )
    assert harmful.text.count(shown(hostile)) >= 6 and all(c.isprintable() or c == "\n" for c in harmful.text)


def test_the_worst_come_first_and_every_verdict_has_its_place() -> None:
    assert sorted(rows_of.WORST_FIRST) == sorted(Verdict)
    places = [rows_of.WORST_FIRST.index(verdict) for verdict in Verdict if verdict not in CALM]
    assert sorted(places) == list(range(len(places)))


def test_data_docs_are_served(viewer: TestClient, tmp_path: Path) -> None:
    job = tmp_path / "docs/job"
    job.mkdir(parents=True)
    (job / "index.html").write_text("<p>laws")
    (job / "logo.svg").write_text("<svg/>")
    (tmp_path / "secret.html").write_text("secret")
    page = viewer.get("/weir/docs/job/index.html")
    assert (page.status_code, page.text, page.headers["content-type"]) == (200, "<p>laws", "text/html; charset=utf-8")
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"] and "script-src" not in str(page.headers)
    assert page.headers["x-content-type-options"] == "nosniff"
    assert viewer.get("/weir/docs/job/logo.svg").headers["content-type"] == "image/svg+xml"
    for folder in ("/weir/docs/job", "/weir/docs/job/"):
        assert viewer.get(folder).headers["location"] == "/weir/docs/job/index.html"


@pytest.mark.parametrize(
    "path", ["../secret.html", "..%2fsecret.html", "%2e%2e/secret.html", "job/none.html", "job%00.html", "", "%5c..%5c"]
)
def test_nothing_else_is_served(viewer: TestClient, tmp_path: Path, path: str) -> None:
    (tmp_path / "docs/job").mkdir(parents=True)
    (tmp_path / "secret.html").write_text("secret")
    answer = viewer.get(f"/weir/docs/{path}")
    assert answer.status_code == 404 and "secret" not in answer.text


@pytest.mark.parametrize(("base", "href"), [("http://host:8080", "/weir/"), ("http://host/ops/", "/ops/weir/")])
def test_the_navigation_and_each_dag_have_a_view_below_airflows_own_path(monkeypatch: pytest.MonkeyPatch, base: str, href: str) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    page, tab = entry_point().load()().external_views
    assert (page["name"], page["href"], page["destination"]) == ("Weir", href, "nav")
    assert (tab["name"], tab["href"], tab["destination"]) == ("Weir", f"{href}dags/{{DAG_ID}}", "dag")


def test_airflow_tells_of_the_plugin_and_of_no_trouble(viewer: TestClient) -> None:
    from airflow import plugins_manager

    assert plugins_manager.get_import_errors() == {}
    assert [(view["name"], view["url_route"]) for view in plugins_manager._get_ui_plugins()[0]] == [("Weir", "weir"), ("Weir", "weir_job")]
    prefixes = [app["url_prefix"] for app in plugins_manager.get_fastapi_plugins()[0]]
    assert prefixes == ["/weir/api/v1", "/weir"], "in this order: the first that fits is asked"


def test_every_process_imports_the_plugin_so_it_is_light() -> None:
    env = {**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}"}
    code = (
        "import sys\nimport airflow.plugins_manager\nbefore = set(sys.modules)\nimport weir.console.plugin\n"
        "print(sorted(m for m in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, env=env)
    assert done.stdout.splitlines()[-1] == "['weir', 'weir.console', 'weir.console.plugin']"
