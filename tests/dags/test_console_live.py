"""Pages that are followed, in Airflow's real app: what a stream says, who shares a look, and that what others wrote is text in it, too."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.dags.conftest import PROJECT
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import HOSTILE, Elements, shown
from weir.airflow.operators.catalogue import jobs
from weir.console import live
from weir.console.app import build
from weir.console.dag import page_of
from weir.errors import NotRunning
from weir.ports.attempts import AttemptRow
from weir.ports.timeline import Event

CONSOLE = PROJECT / "plugins/weir/console"


def told(client: TestClient, path: str) -> Mapping[str, str]:
    """The fragments that a stream begins with. In tests it ends with them."""
    answer = client.get(f"/weir/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream") and answer.headers["cache-control"] == "no-store"
    (message,) = re.findall(r"^data: (.*)\n\n", answer.text, re.MULTILINE)
    found: dict[str, str] = json.loads(message)
    return found


class Places(HTMLParser):
    """The ids of a page's elements that fragments may go into, and of all."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.live, self.all = set[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if name := found.get("id"):
            self.all.append(name)
            self.live |= {name} if "data-live" in found else set()


@pytest.fixture
def deployed(fleet: Fleet) -> Fleet:
    fleet.manager.deploy(JOB, "ana", "the first")
    fleet.land()
    return fleet


@pytest.mark.parametrize("page", ["", f"jobs/{JOB}"])
def test_a_stream_says_what_the_page_says(viewer: TestClient, deployed: Fleet, page: str) -> None:
    viewer.get(f"/weir/{page}")  # what trends need is read behind a first look
    first = viewer.get(f"/weir/{page}").text
    follow = re.search(r'data-follow="([^"]*)"', first)
    assert follow is not None
    stream = {"": "events", f"jobs/{JOB}": f"jobs/{JOB}/events"}[page]
    assert follow[1].split("?")[0] == "../" * page.count("/") + stream
    fragments, places = told(viewer, stream), Places(first)
    assert set(fragments) == places.live and len(places.all) == len(set(places.all)), "each has its place, and each place is one"
    for place, html in fragments.items():
        if place != "asof":
            assert Elements(html).text.split() == Elements(_inner(first, place)).text.split()


def _inner(page: str, place: str) -> str:
    """What stands in an element that fragments go into."""
    tag, rest = re.search(rf'<(\w+) id="{place}"[^>]*>(.*)', page, re.DOTALL).groups()  # type: ignore[union-attr]
    depth = 1
    for found in re.finditer(rf"<(/?){tag}\b", rest):
        depth += -1 if found[1] else 1
        if not depth:
            return str(rest[: found.start()])
    raise AssertionError(place)


def test_the_filter_goes_for_the_stream_too(viewer: TestClient, fleet: Fleet) -> None:
    fleet.add("another", "third")
    page = viewer.get("/weir/?q=thi&verdict=stopped").text
    follow = Elements(page).links and re.search(r'data-follow="([^"]*)"', page)
    assert follow and follow[1].replace("&amp;", "&") == "events?verdict=stopped&q=thi"
    fragments = told(viewer, "events?verdict=stopped&q=thi")
    assert ">third<" in fragments["fleet"] and ">another<" not in fragments["fleet"] and "1 of 3 jobs" in fragments["asof"]
    assert told(viewer, "events?q=none")["fleet"] == ""


def test_a_restart_is_seen_step_by_step(viewer: TestClient, deployed: Fleet) -> None:
    def steps() -> list[str]:
        html = told(viewer, f"jobs/{JOB}/events")["start"]
        return re.findall(r'<li class="(\w+)">', html)

    assert steps() == ["done"] * 4
    deployed.kill()
    deployed.manager.restart(JOB, 1, "ana", "to see it")
    assert steps() == ["done", "done", "open", "open"]
    assert "to see it" in told(viewer, f"jobs/{JOB}/events")["events"]
    deployed.land()
    assert steps() == ["done"] * 4


def test_only_followed_pages_have_scripts_and_only_ours(viewer: TestClient, deployed: Fleet) -> None:
    for path in ("", f"jobs/{JOB}"):
        page = viewer.get(f"/weir/{path}")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'; connect-src 'self'" in policy and "unsafe" not in policy and "default-src 'none'" in policy
        scripts = re.findall(r"<script([^>]*)></script>", page.text)
        assert len(scripts) == page.text.count("<script") == 2 and all(" defer" in script for script in scripts)
    for path in ("?live=no", "?every=30", f"jobs/{JOB}?live=no", f"jobs/{JOB}/errors"):
        page = viewer.get(f"/weir/{path}")
        assert "<script" not in page.text and "data-follow" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
    assert not re.search(r"<[^>]*\son\w+=", viewer.get(f"/weir/jobs/{JOB}").text)


def test_scripts_are_served_from_here_and_are_what_was_vendored(viewer: TestClient) -> None:
    sums = dict(re.findall(r"\| `(idiomorph-[^`]*\.js)` .*`([0-9a-f]{64})`", (CONSOLE / "vendored/README.md").read_text()))
    assert sums
    for name, digest in sums.items():
        answer = viewer.get(f"/weir/{name}")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8" and answer.headers["x-content-type-options"] == "nosniff"
        assert hashlib.sha256(answer.content).hexdigest() == digest
        assert not re.search(rb"\beval\b|\bFunction\(|innerHTML=", answer.content)
    ours = viewer.get("/weir/live.js")
    assert ours.text == (CONSOLE / "live.js").read_text() and "cookie" not in ours.text
    assert {file.suffix for file in (CONSOLE / "vendored").iterdir()} == {".js", ".LICENSE", ".md"}


def test_a_store_that_is_away_is_told_and_what_was_shown_stays(viewer: TestClient, deployed: Fleet) -> None:
    deployed.broken = NotRunning("Cassandra <does> not answer.", "See: weir status")
    fragments = told(viewer, "events")
    assert list(fragments) == ["asof"] and "This page is out of date: WEIR-201: Cassandra &lt;does&gt; not answer." in fragments["asof"]


def test_there_is_no_stream_of_what_there_is_not(viewer: TestClient, fleet: Fleet) -> None:
    assert viewer.get("/weir/jobs/none/events").status_code == 404


def test_there_is_a_bound(viewer: TestClient, deployed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 0)
    monkeypatch.setattr("weir.console.follow.MOST", 0)
    for path in ("events", f"jobs/{JOB}/events"):
        answer = viewer.get(f"/weir/{path}")
        assert answer.status_code == 503 and answer.headers["retry-after"] == "60" and "live already" in answer.text
    assert viewer.get("/weir/").status_code == 200


def test_many_who_follow_share_one_look(deployed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real routes, without a server in between."""
    looks: list[object] = []
    onlooker = deployed.manager.onlooker
    monkeypatch.setattr(deployed.manager, "onlooker", lambda: looks.append(1) or onlooker())
    monkeypatch.setattr("weir.console.live.EVERY_S", 3600)  # on a busy machine the next check came before the last one had its answer
    app, everybody = build(), asyncio.Barrier(1)

    class Request:
        def __init__(self) -> None:
            self.app = app

    async def first(path: str, **values: str) -> str:
        (endpoint,) = [route.endpoint for route in app.routes if route.path == path]  # type: ignore[attr-defined]
        answer = await endpoint(Request(), **values)
        async for chunk in answer.body_iterator:
            if chunk.startswith("data: "):
                await everybody.wait()  # a page that all have left is forgotten: who came later would look again
                return str(chunk)
        raise AssertionError("nothing was said")

    async def together() -> list[str]:
        nonlocal everybody
        everybody = asyncio.Barrier(20)
        return await asyncio.gather(*(first("/jobs/{name}/events", name=JOB) for _ in range(20)))

    answers = asyncio.run(together())
    assert len(set(answers)) == 1 and len(looks) == 1


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_fragment_is_text(viewer: TestClient, deployed: Fleet, monkeypatch: pytest.MonkeyPatch, hostile: str) -> None:
    def fragments(text: str) -> list[Elements]:
        attempt = AttemptRow(1, text, text, text, taken_at=1000, submission_id="d", exit_reason=text, exit_error=text)
        snapshots = deployed.store.snapshots
        monkeypatch.setattr(deployed.store, "events", lambda job, limit: [Event(1, text, text, {}, 1, text, text)])
        with monkeypatch.context() as patch:
            patch.setattr(deployed.store, "_attempts", {JOB: {1: attempt}})
            assert snapshots([JOB], 1)[JOB].attempts[0].cause == text
            found = {**told(viewer, f"jobs/{JOB}/events"), "fleet": told(viewer, "events")["fleet"]}
        return [Elements(found[place]) for place in sorted(found) if place != "asof"]

    for harmless, harmful in zip(fragments("harmless"), fragments(hostile), strict=True):
        assert harmful.tags == harmless.tags
        assert all(c.isprintable() or c == "\n" for c in harmful.text)
    assert sum(one.text.count(shown(hostile)) for one in fragments(hostile)) >= 6


# DAGs


def test_each_dag_of_weir_leads_to_its_page(viewer: TestClient, deployed: Fleet) -> None:
    names = {spec.name for spec in jobs()}
    ids = {f"{name}_{file.stem}" for name in names for file in _files("job_dag(")} | {f"weir_{file.stem}" for file in _files("weir_dag(")}
    assert len(ids) >= 8
    for dag_id in ids:
        answer = viewer.get(f"/weir/dags/{dag_id}")
        page = page_of(dag_id)
        assert page == ("" if dag_id.startswith("weir_") else f"jobs/{JOB}"), dag_id
        assert answer.status_code == 307 and answer.headers["location"] == f"../{page}"
        assert viewer.get(f"/weir/{page}").status_code == 200
    assert viewer.get("/weir/dags/somebody_elses").status_code == 404


def _files(made_by: str) -> list[Path]:
    return [file for file in (PROJECT / "dags").glob("*.py") if made_by in file.read_text()]


def test_airflow_knows_the_view_of_a_dag() -> None:
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    from weir.console.plugin import WeirPlugin

    found: list[Any] = [ExternalViewResponse.model_validate(view) for view in WeirPlugin().external_views]
    assert [view.destination for view in found] == ["nav", "dag"]
