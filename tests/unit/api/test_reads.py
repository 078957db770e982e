"""What the service tells: the rows of the command line, in pages that leave nothing out."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.service import JOB, Service
from tests.unit.cli.conftest import Weir, weir
from weir.api.pages import cursor, page, place_of
from weir.errors import BadInput
from weir.ports.timeline import Event

__all__ = ["weir"]  # the fixture


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("jobs", ["jobs"]),
        (f"jobs/{JOB}", ["health", JOB]),
        (f"jobs/{JOB}/timeline", ["timeline", JOB]),
        (f"jobs/{JOB}/ledger", ["ledger", JOB]),
        (f"jobs/{JOB}/versions", ["versions", JOB]),
        (f"jobs/{JOB}/checkpoint", ["checkpoint", JOB]),
        (f"jobs/{JOB}/rejected", ["rejected", JOB]),
    ],
)
def test_the_command_line_and_the_service_tell_the_same(
    service: Service, weir: Weir, monkeypatch: pytest.MonkeyPatch, path: str, command: list[str]
) -> None:
    for module in ("jobs", "pauses", "checkpoint"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_manager", lambda: nullcontext(service.manager))
    for module in ("proof", "query"):
        monkeypatch.setattr(f"weir.cli.{module}.opened_store", lambda settings: nullcontext(service.store))
    code, told, _ = weir(*command, "--format", "json")
    answer = service.get(path)
    assert (code, answer.status_code) == (0, 200)
    found, shown = answer.json(), json.loads(told)
    rows: Any = found["items"] if "items" in found else {name: value for name, value in found.items() if name != "findings"}
    assert rows == shown and rows, path


def test_counts_are_those_that_landed_and_rejected_lines_are_harmless(service: Service) -> None:
    rows = service.get(f"jobs/{JOB}/counts", levels="all", by="level").json()["items"]
    assert {row["level"]: row["n"] for row in rows} == {"error": 3, "notice": 2}
    assert set(rows[0]) == {"window_start", "window_end", "level", "n"}, "only the dimensions that were asked for"
    (line,) = service.get(f"jobs/{JOB}/rejected").json()["items"]
    assert line["value"] == "\\x1b[2J a \\\\ \\xff"
    assert service.get(f"jobs/{JOB}/rejected", reason="another").json()["items"] == []


def test_signatures_and_recounts(service: Service) -> None:
    told = service.get(f"jobs/{JOB}/signatures").json()
    assert [(row["service"], row["signature"], row["n"]) for row in told["items"]] == [("web", "x", 3)]
    assert told["services"] == [{"service": "web", "n": 3}] and told["more"] == 0
    (recount,) = service.get(f"jobs/{JOB}/recounts").json()["items"]
    assert (recount["missing"], recount["checked_lines"]) == (0, 6) and recount["at"].endswith("Z")


def test_only_closed_windows_on_request(service: Service) -> None:
    assert service.get(f"jobs/{JOB}/counts", closed="true").json()["items"] == []
    service.world.clock.sleep(120)
    assert [row["n"] for row in service.get(f"jobs/{JOB}/counts", closed="true", by="none").json()["items"]] == [3]


def pages(service: Service, path: str, limit: int, **query: Any) -> list[list[Any]]:
    """All pages of an answer, which must end."""
    found, at = [], ""
    for _ in range(200):
        answer = service.get(path, limit=limit, cursor=at, **query)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        at = answer.json()["next"]
        if at is None:
            return found
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_hold_every_row_once_and_in_order(service: Service, limit: int) -> None:
    for n in range(7):
        service.world.clock.sleep(10)
        service.world.land(JOB, {"error": n + 1})
        service.store.put_recount(JOB, {"n": n})
    for n in range(6):  # of one millisecond: their order is that of their ids
        service.store.add_event(JOB, Event(service.world.now, "note", f"line {n}"))
    service.store.add_event(JOB, Event(1_700_000_000_000, "note", "of another month"))
    for path, query in {
        "jobs": {},
        f"jobs/{JOB}/timeline": {},
        f"jobs/{JOB}/ledger": {},
        f"jobs/{JOB}/recounts": {},
        f"jobs/{JOB}/versions": {},
        f"jobs/{JOB}/rejected": {},
        f"jobs/{JOB}/counts": {"by": "level", "levels": "all"},
    }.items():
        whole, cut = pages(service, path, 1000, **query), pages(service, path, limit, **query)
        assert len(whole) == 1 and [row for part in cut for row in part] == whole[0], path
        assert all(len(part) == limit for part in cut[:-1]) and len(cut[-1]) <= limit, path


def test_a_page_of_a_ledger_that_grows_has_no_row_twice(service: Service) -> None:
    for _ in range(3):
        service.world.land(JOB, {"error": 1})
    first = service.get(f"jobs/{JOB}/ledger", limit=2).json()
    service.world.land(JOB, {"error": 1})
    second = service.get(f"jobs/{JOB}/ledger", limit=2, cursor=first["next"]).json()
    ids = [row["batch_id"] for row in first["items"] + second["items"]]
    assert ids == sorted(set(ids), reverse=True) and len(ids) == 4


@given(st.lists(st.one_of(st.integers(-(2**52), 2**52), st.text()), max_size=4))
def test_a_cursor_leads_back_to_its_place(place: list[Any]) -> None:
    assert place_of(cursor(place), *(type(value) for value in place)) == place


@given(st.text(min_size=1))
def test_any_other_cursor_is_refused(text: str) -> None:
    try:
        assert place_of(text, int, str) == json.loads(json.dumps(place_of(text, int, str)))
    except BadInput as error:
        assert error.what.startswith("cursor: ")


@given(st.lists(st.integers(), max_size=20), st.integers(1, 25))
def test_a_page_says_whether_there_is_more(found: list[int], limit: int) -> None:
    told = page(found, limit, lambda n: {"n": n}, lambda n: [n])
    assert [row["n"] for row in told["items"]] == found[:limit] and (told["next"] is None) == (len(found) <= limit)


@pytest.mark.parametrize(
    ("path", "query", "status", "told"),
    [
        ("jobs/none", {}, 404, "WEIR-103"),
        ("jobs/none/timeline", {}, 404, "WEIR-103"),
        ("jobs/none/plan", {}, 404, "WEIR-103"),
        ("jobs/idle/rejected", {}, 200, ""),
        ("nothing", {}, 404, "WEIR-101"),
        (f"jobs/{JOB}/counts", {"since": "soon"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/counts", {"window": "7s"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/counts", {"by": "colour"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/counts", {"since": "30d"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/counts", {"since": "30d", "window": "1h"}, 200, ""),
        (f"jobs/{JOB}/counts", {"window": "30d", "slide": "1h", "since": "1h"}, 200, ""),
        (f"jobs/{JOB}/counts", {"window": "60d", "slide": "1h", "since": "1h"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/signatures", {"since": "9999d"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/timeline", {"limits": "5"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/timeline", {"limit": "0"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/timeline", {"limit": "1001"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/ledger", {"cursor": "x"}, 400, "WEIR-101"),
        (f"jobs/{JOB}/ledger", {"cursor": cursor([1, "a"])}, 400, "WEIR-101"),
        (f"jobs/{JOB}/recounts", {"cursor": cursor([10**6])}, 400, "WEIR-101"),
        (f"jobs/{JOB}/plan", {"to": "abc"}, 409, "WEIR-305"),
    ],
)
def test_what_does_not_fit_is_a_problem(service: Service, path: str, query: dict[str, str], status: int, told: str) -> None:
    answer = service.get(path, **query)
    assert answer.status_code == status, answer.text
    if told:
        assert answer.headers["content-type"] == "application/problem+json" and answer.json()["code"] == told
        assert answer.json()["type"] == f"docs/runbook.md#{told.lower()}" and answer.json()["detail"]


def test_looking_changes_nothing(service: Service) -> None:
    service.world.kill(JOB)
    before = (service.kinds(), service.store.report(JOB), dict(service.world.cluster.states))
    for path in ("jobs", f"jobs/{JOB}", f"jobs/{JOB}/plan", f"jobs/{JOB}/actions", f"jobs/{JOB}/actions/restart", f"jobs/{JOB}/checkpoint"):
        assert service.get(path).status_code == 200
    assert (service.kinds(), service.store.report(JOB), dict(service.world.cluster.states)) == before
    assert service.get(f"jobs/{JOB}").json()["verdict"] == "down"
