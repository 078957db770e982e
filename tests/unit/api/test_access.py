"""Who may ask the service, how often, and for how much."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import PROJECT
from tests.unit.api.service import BASE, JOB, Service
from weir.api.app import build
from weir.api.limits import MOST_BYTES, Bucket, Buckets
from weir.api.streams import Streams
from weir.api.tokens import issue, load, revoke
from weir.errors import BadInput
from weir.supervise.actions import ACTIONS


def routes() -> list[tuple[str, str]]:
    """Every method and address: a route that is added is in the tests at once."""
    found = build(None, None, streams=Streams()).routes  # type: ignore[arg-type]
    assert all(isinstance(route, APIRoute) for route in found), "a route of another kind has no dependencies: nobody is asked who it is"
    every = [(method, route.path.replace("{job}", JOB)) for route in found for method in route.methods]  # type: ignore[attr-defined]
    return [(method, path.replace("{action}", act)) for method, path in every for act in (ACTIONS if "{action}" in path else [""])]


def for_editors(path: str) -> bool:
    """What acts, and what says what would be done: that takes a second of a core."""
    return path.endswith("/plan") or "/actions/" in path


def right(path: str) -> int:
    """The status of the answer to one who may read. The job counts, so it has no rows to read."""
    return 403 if for_editors(path) else 400 if "/rows" in path else 200


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_asks_who_it_is(service: Service, method: str, path: str) -> None:
    def status(**headers: str | bytes) -> int:
        sent = {"Idempotency-Key": "k", **headers}
        answer = service.client.request(method, BASE + path, json={"reason": "x"} if method == "POST" else None, headers=sent)
        if answer.status_code in (401, 403):
            assert answer.headers["content-type"] == "application/problem+json" and answer.json()["code"] in ("WEIR-601", "WEIR-602")
            assert (answer.headers.get("www-authenticate") == "Bearer") == (answer.status_code == 401)
        return answer.status_code

    before = service.kinds()
    assert status() == 401
    for wrong in ("Bearer", "Bearer x", f"Basic {service.tokens['ana']}", f"Bearer {service.tokens['ana'][:-1]}", b"Bearer \xff"):
        assert status(Authorization=wrong) == 401
    assert status(**service.headers("ben")) == right(path)
    assert service.kinds() == before, "nothing was done by any of these"
    assert status(**service.headers("ana")) not in (401, 403, 404, 405, 500)


def test_there_is_nothing_beside_the_service(service: Service) -> None:
    for path in ("/", "/docs", "/openapi.json", "/api", "/api/v1", "/api/v1/", "/api/v1/docs", "/api/v1/redoc"):
        assert service.client.get(path, headers=service.headers()).status_code == 404, path
    answer = service.client.delete(f"{BASE}/jobs", headers=service.headers())
    assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (405, "GET", "WEIR-101")


def test_only_the_hash_of_a_token_is_kept_and_it_can_be_taken_back(service: Service) -> None:
    text = service.file.read_text()
    assert not any(token in text for token in service.tokens.values())
    assert stat.S_IMODE(service.file.stat().st_mode) == 0o600
    assert service.get("jobs", "ben").status_code == 200
    assert revoke(service.file, "ben") and not revoke(service.file, "ben")
    assert service.get("jobs", "ben").status_code == 401 and service.get("jobs").status_code == 200
    old, service.tokens["ana"] = service.tokens["ana"], issue(service.file, "ana", "reader")
    assert service.get("jobs").status_code == 200 and service.act("hold", reason="x").status_code == 403
    service.tokens["ana"] = old
    assert service.get("jobs").status_code == 401, "a new one takes the place of the old one"


def test_a_file_of_tokens_that_is_no_such_file_lets_nobody_in(service: Service, tmp_path: Path) -> None:
    for text in ("", "{}", '{"tokens": [{"name": "ana"}]}', '{"tokens": 1}'):
        service.file.write_text(text)
        answer = service.get("jobs")
        assert (answer.status_code, answer.json()["code"]) == (503, "WEIR-201"), text
    service.file.unlink()
    assert service.get("jobs").status_code == 401
    assert load(tmp_path / "none.json") == []


@pytest.mark.parametrize(("name", "role"), [("", "reader"), ("a b", "reader"), ("x" * 65, "reader"), ("ana", "admin")])
def test_a_token_needs_a_name_and_a_role(tmp_path: Path, name: str, role: str) -> None:
    with pytest.raises(BadInput):
        issue(tmp_path / "tokens.json", name, role)
    assert not (tmp_path / "tokens.json").exists()


# how often

TIMES = st.lists(st.floats(0, 100), max_size=80).map(sorted)


@given(TIMES, st.floats(0.5, 20), st.integers(1, 20))
def test_no_span_of_time_gets_more_than_burst_and_rate(times: list[float], rate: float, burst: int) -> None:
    bucket = Bucket(rate, burst, burst, 0.0)
    taken = [at for at in times if bucket.take(at) == 0.0]
    for i, first in enumerate(taken):
        for n, last in enumerate(taken[i:], start=1):
            assert n <= burst + rate * (last - first) + 1e-6


@given(TIMES, st.floats(0.5, 20), st.integers(1, 20))
def test_who_waits_as_long_as_told_is_answered(times: list[float], rate: float, burst: int) -> None:
    bucket = Bucket(rate, burst, burst, 0.0)
    for at in times:
        bucket.take(at)
    end = max(times, default=0.0)
    wait = bucket.take(end)
    assert 0 <= wait <= 1 / rate + 1e-6 and (not wait or bucket.take(end + wait + 1e-6) == 0.0)


def test_a_person_who_asks_too_often_waits_and_the_others_do_not(tmp_path: Path) -> None:
    now = [0.0]
    service = Service(tmp_path, Buckets(lambda: now[0], rate=0.5, burst=3))
    answers = [service.get("jobs") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "2" and answers[-1].json()["code"] == "WEIR-603"
    assert service.act("hold", reason="x").status_code == 429 and service.kinds().count("hold") == 0
    assert service.get("jobs", "ben").status_code == 200
    now[0] += 2
    assert service.get("jobs").status_code == 200


# how much


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_no_action_needs_is_not_read(service: Service, told: bool) -> None:
    body = json.dumps({"reason": "x" * MOST_BYTES}).encode()
    chunks = (body[i : i + 1000] for i in range(0, len(body), 1000))
    headers = {**service.headers(), "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = service.client.post(f"{BASE}/jobs/{JOB}/actions/hold", content=body if told else chunks, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "WEIR-101") and service.kinds().count("hold") == 0
    assert service.act("hold", reason="x" * 2000).status_code == 200


def test_the_service_imports_nothing_of_airflow() -> None:
    import subprocess
    import sys

    script = f"""
import sys
sys.path[:0] = [{str(PROJECT / "plugins")!r}, {str(PROJECT)!r}]
import weir.api.serve, weir.api.tokens
print([name for name in sys.modules if name.partition('.')[0] == 'airflow'])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
