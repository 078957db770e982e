"""The pages about alerts, in Airflow's real app: incidents, rules, the inbox, and who has it in hand."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.testclient import TestClient

from spark_jobs.counts.cells import Delta
from tests.dags.conftest import logged_in
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import HOSTILE, Elements, shown
from tests.dags.test_console_acts import SENT, act
from weir.alerts.book import Ack, Book, Delivery, Incident, Message
from weir.alerts.keep import open_book
from weir.alerts.sink import Inbox
from weir.ports.alerts import Booked

MANY = "{name: many, kind: threshold, above: 10, by: service, description: A service writes many errors.}"
OURS = ("../", "./", "jobs/", "alerts", "inbox", "console.css", "?", "http://sparkhost")  # how links begin
MINUTE, HOUR = 60_000, 3_600_000


@pytest.fixture(autouse=True)
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fleet: Fleet) -> Path:
    """The rules of the job as a file, and pages that look at the fleet's own clock."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / f"{JOB}.yaml").write_text(f"job: {JOB}\nrules: [{MANY}]")
    monkeypatch.setenv("WEIR_RULES", str(folder))
    monkeypatch.setattr("weir.console.alerts.now", lambda: int(fleet.clock() * 1000))
    return folder


@pytest.fixture
def down(fleet: Fleet) -> Fleet:
    """The driver has ended, and it was told."""
    fleet.manager.deploy(JOB)
    fleet.alert(MANY)
    fleet.clock.sleep(60)
    fleet.kill()
    fleet.alert(MANY)
    return fleet


def incident(fleet: Fleet) -> Incident:
    (found,) = open_book(fleet.store, JOB)[1].incidents
    return found


def page_of(fleet: Fleet) -> str:
    return f"/weir/jobs/{JOB}/incidents/{incident(fleet).id}/acknowledge"


def send(client: TestClient, path: str, **form: str) -> httpx.Response:
    return client.post(path, content=urlencode(form), headers=SENT)


def seal(client: TestClient, path: str) -> str:
    return Elements(client.get(path).text).values["seal"]


def test_what_is_open_is_on_the_page_and_on_the_jobs_own(viewer: TestClient, down: Fleet) -> None:
    for path in ("alerts", f"alerts?job={JOB}", f"jobs/{JOB}"):
        page = viewer.get(f"/weir/{path}").text
        for told in ("warning: stream", "the driver of attempt 1 has ended", f"weir restart {JOB}", "none", "2027-01-15T08:01:00Z"):
            assert told in page
        assert "acknowledge" not in page, "who may only read is offered no action"
    down.add("another")
    assert "No open incidents." in viewer.get("/weir/alerts?job=another").text
    assert viewer.get("/weir/alerts?job=none").status_code == 404


def test_an_incident_is_taken_in_hand_once_for_all_to_see(editor: TestClient, down: Fleet) -> None:
    path = page_of(down)
    links = Elements(editor.get("/weir/alerts").text).links
    assert path.removeprefix("/weir/") in links
    answer = send(editor, path, seal=seal(editor, path), comment="<b>looking</b>")
    assert answer.status_code == 303
    there = editor.get(str(answer.url.join(answer.headers["location"])))
    assert there.status_code == 200 and "&lt;b&gt;looking&lt;/b&gt;" in there.text and there.url.fragment == "incidents"
    ack = incident(down).ack
    assert ack is not None and (ack.who, ack.comment) == ("editor", "<b>looking</b>")
    down.alert(MANY)
    assert "[acknowledged]" in editor.get("/weir/inbox").text
    assert "you take it over." in logged_in(editor, "other").get(path).text


def test_an_acknowledgement_needs_a_comment_and_an_incident_that_is_open(editor: TestClient, down: Fleet) -> None:
    path = page_of(down)
    good = seal(editor, path)
    answer = send(editor, path, seal=good, comment=" ")
    assert answer.status_code == 400 and "WEIR-101: comment: " in answer.text and incident(down).ack is None
    down.manager.restart(JOB)
    down.land()
    down.alert(MANY)
    answer = send(editor, path, seal=good, comment="looking")
    assert answer.status_code == 409 and "is not an open incident" in answer.text
    assert [one.message.kind for one in open_book(down.store, JOB)[1].outbox] == []


def test_a_form_of_another_site_or_incident_is_refused(editor: TestClient, down: Fleet) -> None:
    path = page_of(down)
    good = seal(editor, path)
    for wrong, to in (("", path), ("x", path), (seal(editor, f"/weir/jobs/{JOB}/hold"), path), (good, path.replace("stream", "many"))):
        assert send(editor, to, seal=wrong, comment="looking").status_code == 403
    assert send(logged_in(editor, "viewer"), path, seal=good, comment="looking").status_code == 403
    assert incident(down).ack is None


def test_the_rules_are_shown_with_their_state(viewer: TestClient, fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    assert "no window yet" in viewer.get("/weir/alerts").text
    fleet.alert(MANY)
    start = int(fleet.clock() * 1000) // HOUR * HOUR
    for minute, n in enumerate((3, 12, 0, 0)):
        fleet.land(deltas=[Delta(start + minute * MINUTE, "web", "error", "x", n or 1)])
        fleet.clock.sleep(60)
        fleet.alert(MANY)
    page = Elements(viewer.get("/weir/alerts").text).text
    assert "A service writes many errors.more than 10 error lines in 1m, by service" in page and "inbox" in page
    assert "quiet" in page and "no window yet" not in page


def test_a_file_of_rules_that_does_not_fit_is_told_beside_the_others(viewer: TestClient, fleet: Fleet, rules: Path) -> None:
    fleet.add("another")
    (rules / "another.yaml").write_text("job: another\nrules: [{name: x, kind: threshold}]")
    page = viewer.get("/weir/alerts").text
    assert "WEIR-104: another.yaml is not valid: rules.0.threshold.above" in page and ">many<" in page


def test_a_rule_is_tested_on_the_past(viewer: TestClient, fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    start = int(fleet.clock() * 1000) // HOUR * HOUR - 2 * HOUR
    fleet.land(deltas=[Delta(start + i * MINUTE, "web", "error", "x", n) for i, n in enumerate((3, 12, 15, 2))])
    before = open_book(fleet.store, JOB)
    page = Elements(viewer.get(f"/weir/jobs/{JOB}/rules/many").text).text
    assert "2027-01-15T06:01:00Z2027-01-15T06:03:00Zwebweb: 15 error lines in 1m, more than 10" in page
    assert "would not have fired" in viewer.get(f"/weir/jobs/{JOB}/rules/many?since=2027-01-14&until=2027-01-15").text
    assert open_book(fleet.store, JOB) == before and not fleet.store.mails(JOB)
    for query, code, told in (("since=40d", 400, "at most 31 days"), ("since=never", 400, "since")):
        answer = viewer.get(f"/weir/jobs/{JOB}/rules/many?{query}")
        assert answer.status_code == code and told in answer.text
    assert "has no rule" in viewer.get(f"/weir/jobs/{JOB}/rules/none").text


def test_who_is_silenced_is_told_and_how_that_ends(editor: TestClient, down: Fleet) -> None:
    assert "No active pauses" in editor.get("/weir/alerts").text
    act(editor, "maintenance", **{"for": "2h", "reason": "new disks"})
    page = editor.get("/weir/alerts").text
    assert "in maintenance by editor until" in page and f"jobs/{JOB}/end_maintenance" in Elements(page).links
    down.clock.sleep(3 * 3600)
    assert "No active pauses" in editor.get("/weir/alerts").text


def test_the_inbox_has_what_would_have_been_told_the_newest_first(viewer: TestClient, down: Fleet) -> None:
    assert viewer.get("/weir/inbox").text.count("<article") == 1
    down.manager.restart(JOB)
    down.land()
    down.clock.sleep(250)
    down.alert(MANY)
    page = viewer.get("/weir/inbox").text
    assert page.index("[resolved]") < page.index("[warning]") and page.count("<article") == 2
    assert viewer.get("/weir/inbox?last=1").text.count("<article") == 1
    down.add("another")
    assert "The inbox is empty." in viewer.get("/weir/inbox?job=another").text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_alerts_are_text(editor: TestClient, fleet: Fleet, rules: Path, hostile: str) -> None:
    def pages(text: str) -> list[Elements]:
        ack = Ack(text, text, 1)
        one = Incident(f"{JOB}-stream-1", text, (text,), "critical", 1, 1, text, text, ("inbox",), told=True, ack=ack)
        message = Message(f"m-{len(text)}", text, JOB, text, "info", text, f"{text}\n{text}", 1)
        book = Book(JOB, incidents=(one,), outbox=(Delivery(message, text, 3, trouble=text),))
        row = fleet.store.book(JOB)
        assert fleet.store.set_book(JOB, row, Booked(row.revision + 1 if row else 1, book.to_json()))
        fleet.store._mails.clear()
        Inbox(fleet.store).send(message)
        paths = ("alerts", "inbox", f"jobs/{JOB}/incidents/{JOB}-stream-1/acknowledge", f"jobs/{JOB}")
        return [Elements(editor.get(f"/weir/{path}").content.decode()) for path in paths]

    hostile = hostile.encode(errors="replace").decode()  # what JSON can keep
    for harmless, harmful, often in zip(pages("harmless"), pages(hostile), (6, 4, 3, 5), strict=True):
        assert harmful.tags == harmless.tags and len(harmful.tags) > 15
        assert all(c.isprintable() or c == "\n" for c in harmful.text)
        assert harmful.text.count(shown(hostile)) >= often
        assert all(
            link.startswith(("../", "./", "jobs/", "alerts", "inbox", "console.css", "?", "http://sparkhost")) for link in harmful.links
        )
