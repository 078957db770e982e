"""The REST service in Airflow's real app, with its real logins: readers read, editors act, and a cookie never does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.dags.conftest import logged_in
from tests.dags.fleet import JOB, Fleet
from tests.unit.api.test_access import right, routes

BASE = "/weir/api/v1"
HOLD = f"{BASE}/jobs/{JOB}/actions/hold"


def bearer(client: TestClient, name: str) -> dict[str, str]:
    """A token in the header, and no cookie."""
    logged_in(client, name)
    token = client.cookies["_token"]
    client.cookies.clear()
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": f"key-of-{name}"}


@pytest.fixture
def deployed(fleet: Fleet) -> Fleet:
    fleet.manager.deploy(JOB)
    fleet.land()
    return fleet


def ask(client: TestClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    return client.request(method, BASE + path, json={} if method == "POST" else None, headers=headers)


STREAMS = "/rows/events"  # of `weir serve` alone: a long connection would hold a thread of Airflow's process


@pytest.mark.parametrize(("method", "path"), [one for one in routes() if not one[1].endswith(STREAMS)])
def test_readers_read_and_editors_act(anybody: TestClient, deployed: Fleet, method: str, path: str) -> None:
    assert ask(anybody, method, path, {}).status_code == 401
    assert ask(anybody, method, path, {"Authorization": "Bearer x.y.z"}).status_code in (401, 403)
    assert ask(anybody, method, path, bearer(anybody, "viewer")).status_code == right(path)
    before = deployed.store.events(JOB)
    assert ask(anybody, method, path, bearer(anybody, "editor")).status_code not in (401, 403, 404, 405, 500)
    assert method == "POST" or deployed.store.events(JOB) == before


def test_records_are_streamed_by_weir_serve_alone(editor: TestClient, deployed: Fleet) -> None:
    assert editor.get(f"{BASE}/jobs/{JOB}{STREAMS}", headers=bearer(editor, "editor")).status_code == 404


def test_a_cookie_reads_and_does_not_act(editor: TestClient, deployed: Fleet) -> None:
    """Whatever a page of another port or site makes the browser send with it."""
    assert editor.get(f"{BASE}/jobs").status_code == 200
    for headers in ({}, {"Idempotency-Key": "k"}, {"Idempotency-Key": "k", "Origin": "http://evil"}, {"Authorization": "Basic eDp5"}):
        answer = editor.post(HOLD, json={"reason": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "WEIR-602") and "Authorization: Bearer" in answer.json()["detail"]
    assert not deployed.store.pauses(JOB)
    assert "access-control-allow-origin" not in editor.options(HOLD, headers={"Origin": "http://evil"}).headers


def test_the_token_in_the_header_says_who_acts(editor: TestClient, deployed: Fleet) -> None:
    """And not the cookie that comes along: a viewer's token does not act by an editor's cookie."""
    viewer = bearer(editor, "viewer")
    logged_in(editor, "editor")
    assert editor.post(HOLD, json={"reason": "x"}, headers=viewer).status_code == 403
    other = bearer(editor, "other")
    logged_in(editor, "editor")
    assert editor.post(HOLD, json={"reason": "x"}, headers=other).json()["changed"]
    (pause,) = deployed.store.pauses(JOB)
    assert (pause.who, pause.reason) == ("other", "x")


def test_who_may_not_read_dags_sees_nothing(anybody: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    def only_one(*, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        return details is not None and details.id == "mine"

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_one)
    for query in ("", "?dag_id=mine"):
        answer = anybody.get(f"{BASE}/jobs{query}", headers=bearer(anybody, "viewer"))
        assert (answer.status_code, answer.json()["code"]) == (403, "WEIR-602")


def test_the_contract_says_where_it_is(editor: TestClient) -> None:
    assert editor.get(f"{BASE}/openapi.json").json()["servers"] == [{"url": BASE}]
