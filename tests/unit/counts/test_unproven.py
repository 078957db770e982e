"""A failed check is a concern until the same part of the counts passes: in health, on the pages, as an incident."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.counts.cells import HOUR_MS
from tests.unit.counts.job import JOB, RULES, START, Job
from weir.alerts.book import Book
from weir.alerts.incidents import Found, decide
from weir.alerts.rules import JobRules
from weir.counts import unproven, work
from weir.counts.quality.expectation import Law
from weir.counts.quality.validate import ValidationResult
from weir.counts.scope import Scope
from weir.counts.unproven import Failure, Looked
from weir.supervise.judge.concern import Concern, as_evidence, concerns_of, continued, merged

BOUND = st.one_of(st.none(), st.integers(0, 20))
LOOKED = st.builds(Looked, BOUND, BOUND, st.tuples(st.integers(-1, 3), st.integers(-1, 3)))


@given(LOOKED, LOOKED)
def test_what_covers_two_parts_covers_each(one: Looked, other: Looked) -> None:
    both = one.with_(other)
    assert both.covers(one) and both.covers(other)
    assert not one.covers(other) or one.covers(both)


@given(LOOKED, LOOKED, st.integers(0, 5))
def test_a_failure_that_goes_on_keeps_its_beginning_and_can_be_read_again(one: Looked, other: Looked, later: int) -> None:
    first = unproven.failed(None, 7, "2 lines are missing", one)
    again = unproven.failed(first, 7 + later, "3 lines are missing", other)
    assert (again.since, again.at, again.sentence) == (7, 7 + later, "3 lines are missing")
    assert Failure.load(again.dump()) == again


def counts(job: Job) -> work.Counts:
    return work.Counts(job.store, job.broker, RULES, START + 2 * HOUR_MS)


def wrong(job: Job) -> work.Counts:
    """The same by rules that did not count it, so that a recount differs."""
    return replace(counts(job), rules=replace(RULES, time_zone="Asia/Tokyo"))


@pytest.fixture
def job() -> Job:
    """Two hours of counted lines."""
    job = Job()
    for hour in (0, 1):
        job.send(START + hour * HOUR_MS)
    job.land()
    return job


def names(job: Job) -> list[str]:
    snapshot = job.store.snapshots([JOB])[JOB]
    return [concern.name for concern in unproven.concerns(JOB, snapshot.records)]


def test_a_failed_recount_is_unproven_until_the_same_part_passes(job: Job) -> None:
    assert work.recount(counts(job))[0].exact and names(job) == []
    assert not work.recount(wrong(job))[0].exact
    assert names(job) == ["unproven recount"]

    work.recount(counts(job), Scope(since=START, until=START + HOUR_MS))
    assert names(job) == ["unproven recount"], "an hour that is right says nothing about the other one"
    work.recount(counts(job))
    assert names(job) == []


def test_its_next_step_looks_at_the_same_part(job: Job) -> None:
    work.recount(wrong(job), Scope(since=START, until=START + HOUR_MS))
    (concern,) = unproven.concerns(JOB, job.store.snapshots([JOB])[JOB].records)
    assert concern.next_step.startswith(f"weir recount {JOB} --since 2026-01-31T12:00:00Z --until 2026-01-31T13:00:00Z;")
    assert concern.sentence.startswith("WEIR-401") and concern.severity == "critical" and concern.since == START + 2 * HOUR_MS


def test_what_the_broker_no_longer_has_proves_nothing() -> None:
    failure = unproven.failed(None, 1, "1 line is doubled", Looked().only([START + 10_000], 100))
    assert failure.where == Looked(START, START + HOUR_MS)
    assert not unproven.passed(failure, Looked(), {START}) and unproven.passed(failure, Looked(), {START + HOUR_MS})
    assert Looked().only([0, START], 100) == Looked(), "rejected lines have no hour"
    assert Looked().only([START] * 100, 100) == Looked(), "there may be more"


def test_a_concern_keeps_its_beginning_from_one_report_to_the_next() -> None:
    one = Concern("time_zone", ("web",), 50, "text", "step")
    found = continued(as_evidence([one]), as_evidence([replace(one, since=10)]))
    assert concerns_of(found) == [replace(one, since=10)] and continued({"a": 1}, as_evidence([one])) == {"a": 1}


def test_a_record_of_another_release_is_still_a_concern(job: Job) -> None:
    job.store.put_unproven(JOB, "recount", "{}")
    assert names(job) == ["unproven recount"]
    work.recount(counts(job))
    assert names(job) == []


def test_concerns_of_several_probes_are_joined() -> None:
    one, other = (Concern("unproven", (name,), at, "text", "step") for name, at in (("recount", 2), ("validate", 1)))
    found = merged([{"a": 1, **as_evidence([one])}, {"b": 2}, as_evidence([other])])
    assert concerns_of(found) == [other, one] and (found["a"], found["b"]) == (1, 2)
    assert merged([{"a": 1}]) == {"a": 1}
    assert concerns_of({"concerns": [{"shape": "new"}, one.as_dict()]}) == [one]


def test_a_concern_is_one_incident_from_its_beginning_to_its_end() -> None:
    rules, concern = (
        JobRules.model_validate({"job": JOB, "rules": [], "sinks": ["inbox"]}),
        Concern("unproven", ("recount",), 5, "2 lines", "weir recount"),
    )
    book = decide(Book(JOB), rules, Found(concerns=[concern]), (), 10)
    (incident,) = book.incidents
    assert (incident.since, incident.severity, incident.sentence) == (5, "warning", "2 lines")
    assert [d.message.title for d in book.outbox] == [f"[warning] {JOB}: unproven recount"]
    assert decide(book, rules, Found(concerns=[concern]), (), 20).incidents == book.incidents
    assert decide(book, rules, Found(concerns=None), (), 20).incidents == book.incidents, "what cannot be seen is not over"
    over = decide(book, rules, Found(concerns=[]), (), 30)
    assert over.incidents == () and over.outbox[-1].message.kind == "resolved"


@pytest.mark.parametrize(("rows", "found"), [(0, []), (3, ["unproven validate"])])
def test_a_young_job_of_which_nothing_could_be_checked_is_not_called_unproven(
    job: Job, monkeypatch: pytest.MonkeyPatch, rows: int, found: list[str]
) -> None:
    result = ValidationResult(JOB, (Law("counts", "some pane is closed", False, rows, 1),), "")
    monkeypatch.setattr("weir.counts.quality.validate.check", lambda *_: result)
    work.validate(counts(job), "")
    assert names(job) == found
