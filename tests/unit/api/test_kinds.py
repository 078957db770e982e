"""What the service has of a job depends on its kind."""

from __future__ import annotations

import pytest

from tests.unit.api.service import JOB, Service
from weir.jobs.spec import parse

PLAIN = "name: words\noutput: plain\napplication: words.py\nsource: {topic: idle}\n"
ONLY_LEDGER = {"quarantine", "rebuild", "accept_loss"}


@pytest.fixture
def plain(service: Service) -> Service:
    service.manager.specs["words"] = parse(PLAIN, "x")
    return service


def test_each_job_says_its_kind(plain: Service) -> None:
    assert {row["job"]: row["kind"] for row in plain.get("jobs").json()["items"]} == {JOB: "counts", "idle": "counts", "words": "plain"}


@pytest.mark.parametrize(
    ("route", "lacks"),
    [
        ("ledger", "ledger"), ("checkpoint", "ledger"), ("recounts", "recount"), ("rejected", "counts"), ("counts", "counts"),
        ("signatures", "counts"), ("actions/quarantine", "ledger"),
    ],
)  # fmt: skip
def test_a_route_that_a_plain_job_does_not_have_is_a_problem(plain: Service, route: str, lacks: str) -> None:
    answer = plain.get(f"jobs/words/{route}")
    assert (answer.status_code, answer.json()["code"]) == (400, "WEIR-101")
    assert answer.json()["detail"] == f"words is a plain job, which has no {lacks}."


def test_only_the_actions_of_its_kind_are_offered_and_done(plain: Service) -> None:
    offered = {job: {one["action"] for one in plain.get(f"jobs/{job}/actions").json()["items"]} for job in ("words", JOB)}
    assert offered[JOB] - offered["words"] == ONLY_LEDGER and {"deploy", "restart", "stop", "hold"} <= offered["words"]
    refused = plain.act("rebuild", job="words", reason="x", attempt=1)
    assert (refused.status_code, refused.json()["code"]) == (400, "WEIR-101")


def test_what_a_job_left_whose_spec_is_gone_can_still_be_read(service: Service) -> None:
    del service.manager.specs[JOB]
    assert service.get(f"jobs/{JOB}/ledger").status_code == 200
