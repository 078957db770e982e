"""The actions of the console, in Airflow's real app: who may, what is asked before, and what is done."""

from __future__ import annotations

import json
import shlex
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.testclient import TestClient

from spark_jobs.protocol.partition import of_source
from tests.dags.conftest import logged_in
from tests.dags.fleet import JOB, Fleet
from tests.dags.pages import Elements
from tests.unit.supervise.plain_bench import PlainBench
from weir.console import forms
from weir.errors import Refused
from weir.ports.cluster import DriverState
from weir.supervise.actions import ACTIONS

at = partial(of_source, "topic-1")  # offsets by partition

TROUBLES = {"quarantine": Fleet.poison, "accept_loss": Fleet.lose}
SENT = {"Content-Type": "application/x-www-form-urlencoded"}
ANEW = ("quarantine", "rebuild", "accept_loss")
WHY = {"reason": "new certificates", "name": JOB}


@pytest.fixture
def deployed(fleet: Fleet) -> Fleet:
    fleet.manager.deploy(JOB)
    fleet.land()
    return fleet


def sealed(client: TestClient, act: str) -> str:
    """What the form of an act carries."""
    page = client.get(f"/weir/jobs/{JOB}/{act}")
    assert page.status_code == 200
    return str(Elements(page.text).values["seal"])


def send(client: TestClient, act: str, job: str = JOB, **form: str) -> httpx.Response:
    return client.post(f"/weir/jobs/{job}/{act}", content=urlencode(form), headers=SENT)


def act(client: TestClient, which: str, /, **form: str) -> httpx.Response:
    """Open the form, fill it in and send it, as a person does."""
    return send(client, which, seal=sealed(client, which), **form)


def kinds(fleet: Fleet) -> list[str]:
    return [event.kind for event in fleet.store.events(JOB)]


def test_every_form_says_what_will_happen_and_the_command_for_it(editor: TestClient, deployed: Fleet) -> None:
    for name, one in ACTIONS.items():
        if name in ("confirm_ended", "keep_state", "empty_state"):  # of jobs that nothing fences, below, and of those with state
            continue
        TROUBLES.get(name, Fleet.kill)(deployed)
        before = kinds(deployed)
        page = editor.get(f"/weir/jobs/{JOB}/{name}")
        assert page.status_code == 200 and "form-action 'self'" in page.headers["content-security-policy"]
        told = Elements(page.text).text
        assert one.says.format(job=JOB) in told and one.command.format(job=JOB) in told
        assert ("type the job's name" in told) == one.dangerous
        assert f"http://testserver/weir/api/v1/jobs/{JOB}/actions/{name}" in told
        assert kinds(deployed) == before, "nothing is done by looking"


def test_the_curl_is_one_command_of_the_shell_that_acts_once(editor: TestClient, deployed: Fleet) -> None:
    page = Elements(editor.get(f"/weir/jobs/{JOB}/maintenance").text).text
    words = shlex.split(page[page.index("curl -X POST") :].replace("\\\n", " "))
    sent = list(zip(words[4::2], words[5::2], strict=True))
    assert words[:4] == ["curl", "-X", "POST", f"http://testserver/weir/api/v1/jobs/{JOB}/actions/maintenance"]
    assert sent[:2] == [("-H", "Authorization: Bearer $TOKEN"), ("-H", "Content-Type: application/json")]
    assert sent[2][1].startswith("Idempotency-Key: ") and sent[3][0] == "-d"
    assert json.loads(sent[3][1]) == {"reason": "...", "for": "2h"} and len(sent) == 4


def test_a_restart_is_done_by_who_asked_and_told_in_the_timeline(editor: TestClient, deployed: Fleet) -> None:
    answer = act(editor, "restart", **WHY)
    assert (answer.status_code, answer.headers["location"]) == (303, f"../{JOB}#timeline")
    assert deployed.attempt() == 2
    event = next(event for event in deployed.store.events(JOB) if event.kind == "restart")
    assert (event.who, event.reason, event.attempt) == ("editor", "new certificates", 2)
    page = editor.get(str(answer.url.join(answer.headers["location"])))
    assert page.status_code == 200 and "new certificates" in page.text


def test_a_stop_and_the_deploy_after_it(editor: TestClient, deployed: Fleet) -> None:
    assert act(editor, "stop", **WHY).status_code == 303
    assert deployed.store.desired(JOB) == "stopped"
    page = editor.get(f"/weir/jobs/{JOB}/deploy").text
    assert "same checkpoint" in page and "continues after batch 0" in page, "the plan is shown first"
    assert act(editor, "deploy", **WHY).status_code == 303
    row = deployed.store.job(JOB)
    assert row is not None and (row.desired, row.changed_by, row.reason) == ("running", "editor", "new certificates")


def test_what_a_person_says_is_said_and_taken_back(editor: TestClient, deployed: Fleet) -> None:
    def offered() -> set[str]:
        return {link.rsplit("/", 1)[-1] for link in Elements(editor.get(f"/weir/jobs/{JOB}").text).links} & {*ACTIONS}

    assert offered() == {"deploy", "restart", "stop", "hold", "maintenance"}
    assert act(editor, "hold", reason="looking").status_code == 303
    assert act(editor, "maintenance", **{"for": "2h", "reason": "disks"}).status_code == 303
    assert offered() == {"deploy", "restart", "stop", "release", "end_maintenance"}
    assert {pause.kind: (pause.who, pause.until - pause.since) for pause in deployed.store.pauses(JOB) if pause.until} == {
        "maintenance": ("editor", 7_200_000)
    }
    assert act(editor, "release").status_code == 303 and act(editor, "end_maintenance").status_code == 303
    assert offered() == {"deploy", "restart", "stop", "hold", "maintenance"}


def test_a_poisoned_batch_is_shown_exactly_and_left_out(editor: TestClient, deployed: Fleet) -> None:
    assert editor.get(f"/weir/jobs/{JOB}/quarantine").status_code == 409, "it is not poisoned"
    deployed.poison(lines=15)
    page = Elements(editor.get(f"/weir/jobs/{JOB}/quarantine").text).text
    for told in (
        "Batch 1 of",
        "Attempt 2 is replaced",
        "partition 0 at 16",
        "partition 0, offsets 1 to 15: 15 lines",
        "--batch 1",
        '"batch": 1',
    ):
        assert told in page
    assert act(editor, "quarantine", **WHY).status_code == 303
    gap = deployed.gap()
    assert (gap.kind, gap.lines, gap.who, gap.reason) == ("quarantine", 15, "editor", "new certificates")


def test_a_loss_is_shown_by_partition_and_accepted_as_it_was_shown(editor: TestClient, deployed: Fleet) -> None:
    assert editor.get(f"/weir/jobs/{JOB}/accept_loss").status_code == 409, "nothing is lost"
    deployed.lose(lines=30)
    page = Elements(editor.get(f"/weir/jobs/{JOB}/accept_loss").text).text
    for told in (
        "partition 0 at 31",
        "Left out for good: partition 0, offsets 1 to 30: 30 lines.",
        "That is 30 lines",
        '{"reason": "...", "attempt": 1, "mark": "m',
    ):
        assert told in page
    seal = sealed(editor, "accept_loss")
    deployed.lose(lines=5)
    answer = send(editor, "accept_loss", seal=seal, **WHY)
    assert answer.status_code == 409 and "would leave out other lines than were shown" in answer.text
    assert deployed.attempt() == 1 and not deployed.store.attempts(JOB)[1:], "nothing was begun"
    assert act(editor, "accept_loss", **WHY).status_code == 303
    assert (deployed.gap().kind, deployed.gap().lines) == ("loss", 35)


def test_a_checkpoint_is_rebuilt_where_the_ledger_ends(editor: TestClient, deployed: Fleet) -> None:
    page = Elements(editor.get(f"/weir/jobs/{JOB}/rebuild").text).text
    assert "partition 0 at 1" in page and "Nothing is left out and nothing is counted twice." in page
    seal = sealed(editor, "rebuild")
    deployed.land()
    assert send(editor, "rebuild", seal=seal, **WHY).status_code == 303, "what lands meanwhile is left out by nobody"
    head = deployed.store.head(JOB)
    assert head is not None and (head.epoch, head.attempt, dict(head.frontier), head.gap) == (2, 2, at({0: 2}), None)
    assert send(editor, "rebuild", seal=seal, **WHY).status_code == 409, "another attempt has taken over"


def test_what_begins_an_epoch_is_offered_where_it_applies(editor: TestClient, deployed: Fleet) -> None:
    def offered() -> set[str]:
        return {link.rsplit("/", 1)[-1] for link in Elements(editor.get(f"/weir/jobs/{JOB}").text).links} & {*ANEW}

    assert offered() == set()
    deployed.store.put_exit(JOB, 1, "i-1", "diverged", "batch 1 does not follow", 1)
    assert offered() == {"rebuild"}
    deployed.store.put_exit(JOB, 1, "i-1", "", "", -1)
    deployed.poison()
    assert offered() == {"quarantine"}
    deployed.lose()
    assert offered() == {"accept_loss"}
    deployed.manager.maintenance(JOB, 3_600_000, "ana", "new disks")
    assert offered() == {"accept_loss"}, "a person may do it in a maintenance window, too"


def test_nothing_to_do_is_told(editor: TestClient, deployed: Fleet) -> None:
    answer = act(editor, "release")
    assert answer.status_code == 200 and f"Nothing to do: {JOB} is not held." in answer.text


@pytest.mark.parametrize(
    ("name", "form", "told"),
    [
        ("restart", {"name": JOB}, "reason"),
        ("restart", {"name": JOB, "reason": " "}, "reason"),
        ("restart", {"name": "another", "reason": "x"}, "name"),
        ("stop", {"reason": "x"}, "name"),
        ("rebuild", {"reason": "x", "name": JOB[:-1]}, "name"),
        ("rebuild", {"name": JOB}, "reason"),
        ("hold", {}, "reason"),
        ("maintenance", {"for": "soon", "reason": "x"}, "for"),
    ],
)
def test_what_is_not_filled_in_is_asked_again(editor: TestClient, deployed: Fleet, name: str, form: dict[str, str], told: str) -> None:
    before = kinds(deployed)
    answer = act(editor, name, **form)
    assert answer.status_code == 400 and f"WEIR-101: {told}: " in answer.text
    assert Elements(answer.text).values["reason"] == form.get("reason", ""), "what was typed is still there"
    assert kinds(deployed) == before and deployed.attempt() == 1


def test_a_form_of_another_site_is_refused(editor: TestClient, deployed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it sends: no seal, one made up, one of another act or another person, one that is too old."""
    good = sealed(editor, "restart")
    others = [sealed(editor, "stop"), sealed(logged_in(editor, "other"), "restart")]
    logged_in(editor, "editor")
    for seal in ("", "x", good[:-1], *others):
        assert send(editor, "restart", seal=seal, **WHY).status_code == 403
    assert editor.post(f"/weir/jobs/{JOB}/restart").status_code == 403
    with monkeypatch.context() as old:
        old.setattr(forms, "GOOD_FOR_S", -1)
        assert send(editor, "restart", seal=good, **WHY).status_code == 403
    assert deployed.attempt() == 1
    assert send(editor, "restart", seal=good, **WHY).status_code == 303


def test_a_seal_is_of_one_job(editor: TestClient, deployed: Fleet) -> None:
    deployed.add("another")
    deployed.manager.deploy("another")
    assert send(editor, "restart", "another", seal=sealed(editor, "restart"), reason="x", name="another").status_code == 403
    assert deployed.attempt("another") == 1


def test_a_restart_that_somebody_else_has_done_is_not_done_twice(editor: TestClient, deployed: Fleet) -> None:
    seal = sealed(editor, "restart")
    deployed.manager.restart(JOB)
    answer = send(editor, "restart", seal=seal, **WHY)
    assert answer.status_code == 409 and "WEIR-301" in answer.text and f"../../jobs/{JOB}" in Elements(answer.text).links
    assert deployed.attempt() == 2


def test_a_deploy_is_held_to_the_plan_that_was_shown(editor: TestClient, deployed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.manager.stop(JOB)
    seal = sealed(editor, "deploy")
    spec = deployed.manager.specs[JOB]
    monkeypatch.setitem(deployed.manager.specs, JOB, spec.model_copy(update={"trigger": spec.trigger + 1}))
    answer = send(editor, "deploy", seal=seal, **WHY)
    assert answer.status_code == 409 and "has changed since it was shown" in answer.text
    assert deployed.store.desired(JOB) == "stopped"


def test_a_deploy_that_would_be_refused_has_no_form(editor: TestClient, deployed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.manager.stop(JOB)
    monkeypatch.setattr(deployed.store, "pending", lambda: ["0099_more.cql"])
    page = editor.get(f"/weir/jobs/{JOB}/deploy").text
    assert "This deploy would be refused: tables: the store lacks 0099_more.cql" in page and "<form" not in page


def test_what_an_act_raises_is_told_as_a_page(editor: TestClient, deployed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*order: Any) -> Any:
        raise Refused("It is <refused>.", "Do something else.")

    monkeypatch.setattr(deployed.manager, "hold", refuse)
    answer = act(editor, "hold", reason="x")
    assert answer.status_code == 409 and "WEIR-304: It is &lt;refused&gt;. Do something else." in answer.text


def test_a_form_that_no_page_of_ours_sends_is_not_read(editor: TestClient, deployed: Fleet) -> None:
    assert send(editor, "hold", seal=sealed(editor, "hold"), reason="x" * 100_000).status_code == 413
    assert not deployed.store.pauses(JOB)


def test_an_end_that_the_cluster_cannot_confirm_is_confirmed_on_the_page(editor: TestClient, fleet: Fleet, tmp_path: Path) -> None:
    bench = PlainBench(tmp_path / "plain")
    bench.running()
    fleet.manager = bench.manager
    assert editor.get("/weir/jobs/words/confirm_ended").status_code == 409, "it runs"
    bench.ends(DriverState.LOST)
    page = Elements(editor.get("/weir/jobs/words/confirm_ended").text)
    assert "weir confirm-ended words" in page.text and "type the job's name" in page.text
    done = send(editor, "confirm_ended", "words", seal=str(page.values["seal"]), reason="the machine is off", name="words")
    assert done.status_code in (200, 303) and bench.row.exit_reason == "confirmed"
