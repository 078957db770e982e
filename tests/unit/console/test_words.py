"""A verdict in words, how far a start has come, and which page a DAG belongs to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, first_head, land, rebuilt, started, taken_over
from spark_jobs.protocol.partition import of_source
from weir.console.dag import page_of
from weir.console.describe import in_words, sentence
from weir.console.start import BAD, DONE, OPEN, steps
from weir.ports.attempts import AttemptRow
from weir.ports.reports import JobSnapshot
from weir.supervise.judge.report import Report, Verdict

at = partial(of_source, "t")  # offsets by partition

AT = 1_800_000_000_000
WAITS = Report(
    "web",
    Verdict.STALLED,
    3,
    AT - 420_000,
    "web: 900 lines wait and nothing has landed for 420 s",
    evidence={"batch_id": 1843, "state": "claimed", "landed_at": AT - 430_000},
    act="restart",
    plan="restart 2 of 5",
    not_before=AT + 90_000,
    at=AT,
)


def test_trouble_says_since_when_what_landed_last_and_what_comes_next() -> None:
    told = in_words(WAITS)
    assert (told["words"], told["lasts"], told["tone"]) == ("stalled", "7 min", "bad")
    assert told["sentence"] == (
        "900 lines wait and nothing has landed for 420 s; last good batch 1842, landed 2027-01-15T07:52:50Z; "
        "restart 2 of 5 at 2027-01-15T08:01:30Z"
    )


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        ({"not_before": AT - 1}, "restart 2 of 5 now"),
        ({"act": "none", "plan": "stalled calls for nothing"}, "landed 2027-01-15T07:52:50Z"),
        ({"act": "none", "plan": "held by ana: upgrade"}, "; held by ana: upgrade"),
        ({"act": "none", "plan": "a person must look", "sentence": "web: a person must look"}, "landed 2027-01-15T07:52:50Z"),
        ({"evidence": {"batch_id": 7, "state": "landed"}, "act": "none", "plan": ""}, "; last good batch 7"),
        ({"evidence": {"batch_id": 0, "state": "claimed"}, "act": "none", "plan": ""}, "; no batch has landed in this epoch"),
        ({"evidence": {}, "act": "none", "plan": ""}, "for 420 s"),
    ],
)
def test_only_what_is_known_is_told(changed: dict[str, object], ends: str) -> None:
    assert sentence(replace(WAITS, **changed)).endswith(ends)


def test_who_is_well_needs_no_more_than_a_sentence() -> None:
    well = replace(WAITS, verdict=Verdict.OK, sentence="web: counting")
    assert in_words(well)["sentence"] == "counting"
    assert in_words(replace(well, at=0))["lasts"] == "", "nothing was seen"


# starts


def row(attempt: int, **values: object) -> AttemptRow:
    return AttemptRow(attempt, "restart", "ana", taken_at=AT, **values)  # type: ignore[arg-type]


def claimed(head: Head) -> Head:
    return claim(head, Batch(head.last_landed + 1, head.frontier, at({0: 9})), Totals(), Progress(), "v", 1)


def states(snapshot: JobSnapshot) -> list[tuple[str, str]]:
    return [(step.what.split(":")[0], step.state) for step in steps(snapshot)]


def test_a_start_goes_step_by_step() -> None:
    taken = taken_over(first_head("web", at({0: 0}), 0))
    submitted = row(1, submission_id="d-1", submitted_at=AT + 1000)
    running = started(taken, "i")
    first = replace(submitted, incarnation="i", epoch=1, first_batch=0)
    four = ["attempt 1 taken", "submitted", "running", "first batch landed"]
    for done, snapshot in enumerate(
        [
            JobSnapshot(head=taken, attempts=[row(1)]),
            JobSnapshot(head=taken, attempts=[submitted]),
            JobSnapshot(head=running, attempts=[submitted]),
            JobSnapshot(head=land(claimed(running), AT), attempts=[first]),
        ],
        1,
    ):
        assert states(snapshot) == list(zip(four, [DONE] * done + [OPEN] * (4 - done), strict=True))
    assert states(JobSnapshot(head=claimed(running), attempts=[first]))[3] == ("first batch landed", OPEN), "a claim is not enough"
    assert steps(JobSnapshot(head=taken, attempts=[submitted]))[1].at == "2027-01-15T08:00:01Z"


def test_a_batch_of_the_attempt_before_is_not_its_own() -> None:
    before = land(claimed(started(taken_over(first_head("web", at({0: 0}), 0)), "i")), AT)
    old, new = row(1, submission_id="d-1", epoch=1, first_batch=0), row(2, submission_id="d-2")
    assert states(JobSnapshot(head=taken_over(before), attempts=[new, old]))[2:] == [("running", OPEN), ("first batch landed", OPEN)]
    anew = started(rebuilt(before, before.frontier), "j")
    noted = replace(new, epoch=2, first_batch=0)
    assert states(JobSnapshot(head=anew, attempts=[noted, old]))[2:] == [("running", DONE), ("first batch landed", OPEN)]


def test_an_end_is_told_and_a_stop_is_no_start() -> None:
    head = taken_over(first_head("web", at({0: 0}), 0))
    assert states(JobSnapshot(head=head, attempts=[row(1, submission_id="d", exit_reason="failed")]))[-1] == ("ended", BAD)
    assert states(JobSnapshot(head=head, attempts=[row(1, submission_id="d", exit_reason="superseded")]))[-1] == ("ended", DONE)
    assert states(JobSnapshot(head=head, attempts=[replace(row(2), cause="stop")])) == [("stopped by ana", DONE)]
    assert steps(JobSnapshot()) == [] == steps(JobSnapshot(head=head))


# DAGs


@pytest.mark.parametrize(
    ("dag_id", "page"),
    [
        ("error_counts_restart", "jobs/error_counts"),
        ("a_deploy_fold", "jobs/a_deploy"),
        ("weir_health", ""),
        ("weir_watch", ""),
        ("somebody_elses", None),
        ("restart", None),
        ("_restart", None),
        ("../x?_fold", "jobs/..%2Fx%3F"),
    ],
)
def test_a_dag_leads_to_its_page(dag_id: str, page: str | None) -> None:
    assert page_of(dag_id) == page
