"""The pages of one job, in Airflow's real app: what they show, and that what others wrote is text."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from spark_jobs.counts.cells import SAMPLE_BYTES, Delta, RejectedLine
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import HOSTILE, Elements, shown
from weir.errors import NotRunning
from weir.jobs.kinds import KINDS
from weir.jobs.spec import parse
from weir.ports.timeline import Event

DAYS = "since=1970-01-01&until=1970-01-08"
HOUR = 3_600_000
LINES = [*HOSTILE, "<b>" + "\x1b[2J\u202e'\"&" * 600]  # the last is longer than what is kept of a line


def recounted(**rejected: int) -> dict[str, Any]:
    """What a recount leaves in the store."""
    numbers = dict.fromkeys(("missing", "doubled", "late", "checked_lines", "unchecked_lines", "gap_lines"), 0)
    return {**numbers, "rejected": sum(rejected.values()), "rejected_by_reason": rejected, "at": 1_800_000_000_000}


def away(*asked: object) -> Any:
    raise NotRunning("Cassandra is away.")


def test_the_job_page_shows_all_that_is_known(viewer: TestClient, fleet: Fleet) -> None:
    fleet.manager.deploy(JOB, "ana", "the first")
    fleet.land()
    fleet.store.put_recount(JOB, recounted(bad_time=7))
    page = viewer.get(f"/weir/jobs/{JOB}?{DAYS}")
    assert page.status_code == 200 and "<script>" not in page.text and " style=" not in page.text
    for told in ("counting", "the first", "bad_time 7", "committed up to batch 0", "was ready", "at most 1, in all 1", "memory://driver-1"):
        assert told in page.text
    assert 'class="button"' not in page.text, "who may only read is offered no action"


def test_a_recount_of_an_older_release_is_shown_as_far_as_it_is_known(viewer: TestClient, fleet: Fleet) -> None:
    fleet.store.put_recount(JOB, {"missing": 0, "doubled": 3})
    page = viewer.get(f"/weir/jobs/{JOB}")
    assert page.status_code == 200 and '<dd class="bad">3</dd>' in page.text and "<dd>unknown</dd>" in page.text


def test_a_job_that_was_never_deployed_is_no_trouble(viewer: TestClient, fleet: Fleet) -> None:
    page = viewer.get(f"/weir/jobs/{JOB}").text
    for told in ("has not been deployed yet", "No counts yet.", "there is no checkpoint", "none yet: <code>weir recount"):
        assert told in page
    assert 'class="trouble"' not in page


def test_the_page_of_a_plain_job_has_the_sections_of_its_kind(viewer: TestClient, fleet: Fleet) -> None:
    fleet.manager.specs["words"] = parse("name: words\noutput: plain\napplication: words.py\n", "x")
    page, counts = viewer.get("/weir/jobs/words"), viewer.get(f"/weir/jobs/{JOB}")
    assert page.status_code == 200 and f"Kind: plain. {KINDS['plain'].promise}" in page.text and KINDS["counts"].promise in counts.text
    for section in ("errors", "batches", "trust", "checkpoint"):
        assert f'id="{section}"' not in page.text and f'id="{section}"' in counts.text
    for section in ("newest", "incidents", "timeline", "versions", "links"):
        assert f'id="{section}"' in page.text
    assert "jobs/words/errors" not in page.text and viewer.get("/weir/jobs/words/errors").status_code == 400


def test_the_fleet_page_leads_to_it(viewer: TestClient, fleet: Fleet) -> None:
    assert f"jobs/{JOB}" in Elements(viewer.get("/weir/").text).links
    assert viewer.get(f"/weir/jobs/{JOB}").status_code == 200


def test_what_fails_to_load_is_told_in_its_panel(viewer: TestClient, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.manager.deploy(JOB)
    fleet.land()
    fleet.checkpoints.answers = False
    monkeypatch.setattr(fleet.store, "recounts", lambda job, limit: 1 / 0)
    monkeypatch.setattr(fleet.store, "events", away)
    page = viewer.get(f"/weir/jobs/{JOB}")
    assert page.status_code == 200
    for told in ("The checkpoints do not answer", "ZeroDivisionError", "WEIR-201: Cassandra is away", "counting", "was ready"):
        assert told in page.text


def test_the_timeline_goes_on_by_its_address(viewer: TestClient, fleet: Fleet) -> None:
    for n in range(30):
        fleet.store.add_event(JOB, Event(1000 * n, "note", f"line {n}."))
    first = viewer.get(f"/weir/jobs/{JOB}").text
    assert "line 29." in first and "line 10." in first and "line 9." not in first and 'href="?events=40#timeline"' in first
    more = viewer.get(f"/weir/jobs/{JOB}?events=40").text
    assert "line 0." in more and "events=" not in more


@pytest.mark.parametrize("path", ["jobs/none", "jobs/none/errors", "jobs/none/restart", f"jobs/{JOB}/none"])
def test_there_is_no_page_of_what_there_is_not(editor: TestClient, fleet: Fleet, path: str) -> None:
    assert editor.get(f"/weir/{path}").status_code == 404


def test_a_wrong_time_is_told(viewer: TestClient, fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    for path in (f"jobs/{JOB}", f"jobs/{JOB}/errors"):
        assert "WEIR-101: since:" in viewer.get(f"/weir/{path}?since=yesterday").text


def test_the_errors_page_says_what_is_new_since_the_deploy(viewer: TestClient, fleet: Fleet) -> None:
    fleet.clock.now = 100 * HOUR / 1000
    fleet.manager.deploy(JOB)
    fleet.land(deltas=[Delta(98 * HOUR, "web", "error", "old one", 5), Delta(97 * HOUR, "shop", "crit", "other one", 1)])
    fleet.kill()
    fleet.clock.now = 101 * HOUR / 1000
    fleet.manager.deploy(JOB)
    fleet.land(deltas=[Delta(102 * HOUR, "web", "error", name, 2) for name in ("old one", "fresh one")])
    page = viewer.get(f"/weir/jobs/{JOB}/errors?{DAYS}").text
    rows = {name: next(row for row in page.split("<tr>") if f">{name}<" in row) for name in ("old one", "fresh one", "other one")}
    assert [name for name, row in rows.items() if "new since the last deploy" in row] == ["fresh one"]
    assert page.index(">old one<") < page.index(">fresh one<") < page.index(">other one<"), "the most errors first"
    assert "1970-01-05T02:00:00Z" in rows["old one"] and "1970-01-05T07:00:00Z" in rows["old one"], "first and last seen"
    only = viewer.get(f"/weir/jobs/{JOB}/errors?{DAYS}&service=shop").text
    assert ">other one<" in only and ">old one<" not in only


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_job_page_is_text(viewer: TestClient, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, hostile: str) -> None:
    def page(text: str) -> Elements:
        monkeypatch.setattr(fleet.store, "recounts", lambda job, limit: [recounted(**{text: 1})])
        monkeypatch.setattr(fleet.cluster, "log_link", lambda submission: text)
        monkeypatch.setattr(fleet.store, "events", lambda job, limit: [Event(1, text, text, {}, 1, text, text)])
        return Elements(viewer.get(f"/weir/jobs/{JOB}?{DAYS}").content.decode())

    fleet.manager.deploy(JOB)
    fleet.land()
    harmless, harmful = page("harmless"), page(hostile)
    assert harmful.tags == harmless.tags and len(harmful.tags) > 60
    assert harmful.text.count(shown(hostile)) >= 6 and all(c.isprintable() or c == "\n" for c in harmful.text)
    assert all(link.startswith(("../", "?", "http://127.0.0.1", "http://sparkhost")) for link in harmful.links)


@pytest.mark.parametrize("hostile", LINES, ids=range(len(LINES)))
def test_a_hostile_line_is_text(viewer: TestClient, fleet: Fleet, hostile: str) -> None:
    def page(job: str, text: str) -> Elements:
        text = text.encode(errors="replace").decode()  # what Spark makes of bytes
        fleet.manager.deploy(job)
        value = text.encode()[:SAMPLE_BYTES]
        fleet.land(job, [Delta(0, text, "error", text, 3)], [RejectedLine("logs", 0, 1234567, text, text, value)])
        return Elements(viewer.get(f"/weir/jobs/{job}/errors?{DAYS}").content.decode())

    fleet.add("another")
    harmless, harmful = page(JOB, "h" * len(hostile)), page("another", hostile)
    assert harmful.tags == harmless.tags and len(harmful.tags) > 40
    assert all(c.isprintable() or c == "\n" for c in harmful.text)
    assert harmful.text.count(shown(hostile.encode(errors="replace").decode())) >= 5 and "1234567" in harmful.text
    assert all(link.startswith(("../", "?")) for link in harmful.links)
