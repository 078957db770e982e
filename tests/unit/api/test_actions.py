"""What the service does: the actions of the console, at most once for a key, each with a line of the audit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.service import BASE, JOB, Service, audited
from weir.api.actions import AGAIN, _held_to
from weir.api.idempotency import CLAIM_MS, Answer, Place, digest, once
from weir.api.models import Order
from weir.errors import AtWork, KeyReused, NotRunning, WeirError
from weir.jobs.kinds import COUNTS
from weir.ports.requests import Asked
from weir.supervise.actions import ACTIONS
from weir.supervise.epochs import Held
from weir.testing import MemoryStore

WHY = "new certificates"


def test_a_restart_is_done_once_by_who_asked(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    body = service.get(f"jobs/{JOB}/actions/restart").json()["body"]
    assert body == {"attempt": 1}
    first = service.act("restart", reason=WHY, **body)
    assert first.status_code == 200 and first.json()["changed"] and first.json()["attempt"] == 2
    event = next(event for event in service.store.events(JOB) if event.kind == "restart")
    assert (event.who, event.reason, event.attempt) == ("ana", WHY, 2)
    again = service.act("restart", reason=WHY, **body)
    assert (again.status_code, again.json(), again.headers[AGAIN]) == (200, first.json(), "true") and AGAIN not in first.headers
    assert service.kinds().count("restart") == 1 and service.world.head(JOB).attempt == 2
    told = {"who": "ana", "action": "restart", "job": JOB, "reason": WHY, "key": "k-1"}
    assert audited(caplog.records) == [
        {**told, "outcome": "done", "status": 200, "attempt": 2},
        {**told, "outcome": "repeated", "status": 200, "attempt": 2},
    ]


def test_a_stale_restart_is_a_conflict_that_stays_one(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.manager.restart(JOB)
    first = service.act("restart", reason=WHY, attempt=1)
    assert first.status_code == 409 and first.headers["content-type"] == "application/problem+json"
    assert first.json()["code"] == "WEIR-301" and first.json()["next"]
    assert service.act("restart", reason=WHY, attempt=1).json() == first.json()
    assert service.world.head(JOB).attempt == 2
    assert [line["outcome"] for line in audited(caplog.records)] == ["refused", "repeated"]


def test_a_deploy_is_held_to_its_plan(service: Service) -> None:
    service.manager.stop(JOB)
    body = service.get(f"jobs/{JOB}/actions/deploy").json()["body"]
    assert service.act("deploy", reason=WHY).status_code == 400, "it needs a plan"
    assert service.act("deploy", "k-2", reason=WHY, plan="another").status_code == 409
    assert service.store.desired(JOB) == "stopped"
    done = service.act("deploy", "k-3", reason=WHY, **body)
    assert done.status_code == 200 and service.store.desired(JOB) == "running", done.text


def test_a_persons_word_and_its_end(service: Service) -> None:
    assert service.act("hold", "1", reason="looking").json()["changed"]
    assert service.act("maintenance", "2", reason="disks", **{"for": "2h"}).json()["changed"]
    assert "held by ana" in service.get(f"jobs/{JOB}").json()["evidence"]["paused"]
    assert service.act("release", "3").json()["changed"] and service.act("end_maintenance", "4").json()["changed"]
    nothing = service.act("release", "5")
    assert nothing.status_code == 200 and nothing.json() == {"changed": False, "attempt": 1, "sentence": f"{JOB} is not held."}
    assert service.act("stop", "6", reason=WHY).json()["changed"] and service.store.desired(JOB) == "stopped"


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("restart", {"attempt": 1}, "reason"),
        ("restart", {"attempt": 1, "reason": " "}, "reason"),
        ("restart", {"reason": WHY}, "attempt"),
        ("restart", {"reason": WHY, "plan": "what a deploy is held to"}, "attempt"),
        ("restart", {"reason": WHY, "attempt": 1, "batch": 7}, "attempt"),
        ("deploy", {"reason": WHY}, "plan"),
        ("maintenance", {"reason": WHY}, "for"),
        ("maintenance", {"reason": WHY, "for": "0s"}, "for"),
        ("maintenance", {"reason": WHY, "for": "999999999d"}, "for"),
        ("hold", {}, "reason"),
        ("hold", {"reason": WHY, "because": "x"}, "because"),
        ("hold", {"reason": "\ud800"}, "reason"),
        ("restart", {"reason": WHY, "attempt": "one"}, "attempt"),
    ],
)
def test_what_is_not_filled_in_is_asked_for(service: Service, action: str, body: dict[str, Any], field: str) -> None:
    before = service.kinds()
    headers = {**service.headers(), "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = service.client.post(f"{BASE}/jobs/{JOB}/actions/{action}", content=json.dumps(body), headers=headers)
    assert answer.status_code == 400 and answer.json()["detail"].startswith(f"{field}: "), answer.text
    assert service.kinds() == before and service.world.head(JOB).attempt == 1
    mended = service.act("hold", "k", reason=WHY)
    assert mended.status_code == 200, "a request that was not understood does not use up its key"


def test_a_key_is_needed_and_is_of_one_request_and_one_person(service: Service) -> None:
    address = f"{BASE}/jobs/{JOB}/actions/hold"
    for key in (None, "", "a b", "x" * 129):
        headers = service.headers() if key is None else {**service.headers(), "Idempotency-Key": key}
        assert service.client.post(address, json={"reason": WHY}, headers=headers).status_code == 400
    assert service.kinds().count("hold") == 0
    assert service.act("hold", "k", reason=WHY).status_code == 200
    for answer in (
        service.act("hold", "k", reason="another"),
        service.act("release", "k", reason=WHY),
        service.act("hold", "k", job="idle", reason=WHY),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "WEIR-105")
    assert service.act("hold", "k", who="eve", reason=WHY).json()["changed"] is False, "a key of hers"


def test_only_json_of_a_bearer_is_taken(service: Service) -> None:
    """What a form of another site can make a browser send is none of this."""
    address, headers = f"{BASE}/jobs/{JOB}/actions/hold", {**service.headers(), "Idempotency-Key": "k"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = service.client.post(address, content=b'{"reason": "x"}', headers={**headers, "Content-Type": kind})
        assert answer.status_code == 415 and answer.json()["code"] == "WEIR-101"
    service.client.cookies.set("_token", service.tokens["ana"])
    assert service.client.post(address, json={"reason": "x"}, headers={"Idempotency-Key": "k"}).status_code == 401
    assert service.kinds().count("hold") == 0


def test_what_fails_may_be_asked_again_with_its_key(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*asked: Any) -> Any:
        raise NotRunning("Cassandra does not answer.", "See: weir status")

    with monkeypatch.context() as broken:
        broken.setattr(service.manager, "hold", away)
        answer = service.act("hold", reason=WHY)
        assert (answer.status_code, answer.json()["code"]) == (503, "WEIR-201")
    assert service.act("hold", reason=WHY).json()["changed"] is True
    assert [(line["outcome"], line.get("code")) for line in audited(caplog.records)] == [("failed", "WEIR-201"), ("done", None)]


def test_a_fault_is_told_without_its_inside(service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(service.manager, "hold", lambda *asked: 1 // 0)
    answer = service.act("hold", reason=WHY)
    assert (answer.status_code, answer.json()["code"]) == (500, "WEIR-000") and "ZeroDivision" not in answer.text
    assert [line["outcome"] for line in audited(caplog.records)] == ["failed"]


def test_who_may_not_act_is_in_the_audit(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    answer = service.act("hold", who="ben", reason=WHY)
    assert (answer.status_code, answer.json()["code"]) == (403, "WEIR-602")
    (line,) = audited(caplog.records)
    assert line == {"who": "ben", "action": "hold", "job": JOB, "outcome": "refused", "code": "WEIR-602"}


def test_every_action_says_what_to_send(service: Service) -> None:
    """What a look says and a reason are enough: nothing that the console does is out of reach."""
    there = {name: act for name, act in ACTIONS.items() if act.fits(COUNTS)}
    for name, act in there.items():
        look = service.get(f"jobs/{JOB}/actions/{name}")
        if look.status_code == 409:
            continue  # there is nothing to do it about
        seen = look.json()
        assert seen["says"] == act.says.format(job=JOB) and seen["action"] == name
        sent = {**seen["body"], **({"reason": WHY} if act.reason else {}), **({"for": "1h"} if act.lasts else {})}
        answer = service.act(name, name, **sent)
        assert answer.status_code == 200 or (name, answer.status_code) == ("restart", 409), answer.text
        service.manager.deploy(JOB)
    assert {offer["action"] for offer in service.get(f"jobs/{JOB}/actions").json()["items"]} == {*there}


@given(st.integers(0, 10**6), st.integers(-1, 10**6), st.sampled_from(["", "ma1b2"]))
def test_what_an_action_is_held_to_goes_there_and_back(attempt: int, batch: int, mark: str) -> None:
    held = Held(attempt, batch, mark)
    assert Held.of(_held_to(Order(**held.body))) == held  # type: ignore[arg-type]
    assert _held_to(Order(plan="v1 v2 new epoch")) == "v1 v2 new epoch"  # type: ignore[call-arg]
    assert _held_to(Order()) == ""  # type: ignore[call-arg]


# one action for one key

PLACE = Place("ana", "k", digest("web", "hold"))
ANSWERS = st.one_of(st.builds(Answer, st.sampled_from([200, 409]), st.just({"n": 1})), st.sampled_from([NotRunning("away"), ValueError()]))


def ask(store: Any, now: int, outcome: Any, done: list[int], place: Place = PLACE) -> Any:
    """The answer, or the error."""

    def do() -> Answer:
        done.append(now)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[no-any-return]

    try:
        return once(store, place, lambda: now, do)
    except (WeirError, ValueError) as error:
        return error


@given(st.lists(ANSWERS, min_size=1, max_size=8))
def test_the_first_answer_is_the_only_one(outcomes: list[Any]) -> None:
    store, done = MemoryStore(), list[int]()
    told = [ask(store, 1 + n, outcome, done) for n, outcome in enumerate(outcomes)]
    first = next((n for n, outcome in enumerate(outcomes) if isinstance(outcome, Answer)), None)
    if first is None:
        assert told == outcomes and len(done) == len(outcomes)
    else:
        assert told[: first + 1] == outcomes[: first + 1] and len(done) == first + 1
        assert all(answer == Answer(outcomes[first].status, outcomes[first].body, again=True) for answer in told[first + 1 :])


def test_while_one_is_at_work_the_others_wait() -> None:
    store, inner = MemoryStore(), list[Any]()

    def do() -> Answer:
        inner.append(ask(store, 2, Answer(200, {}), []))
        inner.append(ask(store, 2, Answer(200, {}), [], Place("ana", "k", digest("another"))))
        return Answer(200, {"n": 1})

    assert once(store, PLACE, lambda: 1, do).body == {"n": 1}
    assert [type(error) for error in inner] == [AtWork, KeyReused]


def test_two_servers_that_look_at_the_same_moment_do_not_both_act() -> None:
    class Slow(MemoryStore):
        """Says what there was before both came."""

        def asked(self, who: str, key: str) -> Asked | None:
            return None

    store, done = Slow(), list[int]()
    told = [ask(store, 1, Answer(200, {}), done) for _ in range(3)]
    assert len(done) == 1 and [type(answer) for answer in told] == [Answer, AtWork, AtWork]


def test_a_claim_whose_server_died_is_taken_over_in_the_end() -> None:
    store, done = MemoryStore(), list[int]()
    assert store.set_asked("ana", "k", None, Asked("dead", PLACE.digest, 1))
    assert isinstance(ask(store, CLAIM_MS, Answer(200, {}), done), AtWork)
    assert isinstance(ask(store, 1 + CLAIM_MS, Answer(200, {"n": 1}), done), Answer) and len(done) == 1
    late = Asked("dead", PLACE.digest, 1, 200, '{"n": 2}')
    assert not store.set_asked("ana", "k", Asked("dead", PLACE.digest, 1), late), "who was taken for dead says nothing any more"
    assert ask(store, 2 + CLAIM_MS, Answer(200, {}), done).body == {"n": 1}


def test_an_answer_that_cannot_be_kept_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    keep = store.set_asked

    def away(who: str, key: str, expected: Asked | None, new: Asked) -> bool:
        if new.answer:
            raise NotRunning("away")
        return keep(who, key, expected, new)

    monkeypatch.setattr(store, "set_asked", away)
    assert ask(store, 1, Answer(200, {"n": 1}), []) == Answer(200, {"n": 1})
    assert isinstance(ask(store, 2, Answer(200, {}), []), AtWork), "nobody knows: a while passes first"
