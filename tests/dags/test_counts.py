"""Fold, validate and recount as operators over counts in memory."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from spark_jobs.counts.cells import DAY_MS, HOUR_MS
from tests.dags.fleet import JOB, Fleet, context
from weir.airflow.operators import counts
from weir.airflow.operators.counts import (
    FoldOperator,
    PendingDaysOperator,
    PendingOperator,
    ProveOperator,
    RecountOperator,
    RollUpOperator,
    SpansOperator,
    SweepOperator,
    ValidateOperator,
)
from weir.counts.quality.validate import Law, ValidationResult

DOCS = "http://airflow:8080/ops/weir/docs/error_counts/index.html"


@pytest.fixture
def landed(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One line of the first hour of 1970 has landed, and all is closed."""
    monkeypatch.setattr("weir.factory.source_of", lambda address: fleet.broker)
    monkeypatch.setattr("weir.counts.closed.closed_now", lambda *rest: HOUR_MS)
    monkeypatch.setattr(counts, "time", SimpleNamespace(time=fleet.clock))
    fleet.manager.deploy(JOB)
    fleet.land()
    return fleet


def pending() -> list[Any]:
    return PendingOperator(task_id="pending", job=JOB).execute(context())


def test_a_closed_hour_is_listed_folded_once_and_swept_later(landed: Fleet) -> None:
    (places,) = pending()
    fold = FoldOperator(task_id="fold", job=JOB, places=places)
    assert fold.label == "1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z"
    assert fold.execute(context()) == {"places": 1, "lines": 1, "cells": 1}
    assert pending() == []
    sweep = SweepOperator(task_id="sweep", job=JOB)
    assert sweep.execute(context()) == 0
    landed.clock.sleep(3600)
    assert sweep.execute(context()) == 1


def test_open_hours_wait(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.closed.closed_now", lambda *rest: HOUR_MS - 1)
    assert pending() == []


def test_what_cannot_be_proven_fails_at_once_with_the_sums(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.fold.ledger_levels", lambda *rest: {"error": 2})
    with pytest.raises(AirflowFailException, match=r"WEIR-401.*folded to .*the ledger says"):
        FoldOperator(task_id="fold", job=JOB, places=pending()[0]).execute(context())


def test_what_the_gate_refuses_fails_with_the_law_and_is_not_published(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.quality.gate.gate", lambda rules: lambda ready: {ready[0].at: "levels are lower case"})
    with pytest.raises(AirflowFailException, match=r"WEIR-401.*levels are lower case.*Nothing was published"):
        FoldOperator(task_id="fold", job=JOB, places=pending()[0]).execute(context())
    assert len(pending()) == 1


def test_a_closed_day_is_listed_once_its_hours_are_folded_and_rolled_up_once(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.closed.closed_now", lambda *rest: DAY_MS)
    days = PendingDaysOperator(task_id="days", job=JOB)
    assert days.execute(context()) == []
    FoldOperator(task_id="fold", job=JOB, places=pending()[0]).execute(context())
    ((day,),) = days.execute(context())
    roll_up = RollUpOperator(task_id="roll_up", job=JOB, days=[day])
    assert roll_up.label == "1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z"
    assert roll_up.execute(context()) == {"days": 1, "lines": 1, "kinds": 1}
    assert days.execute(context()) == []


def test_a_job_that_was_never_deployed_is_skipped(fleet: Fleet) -> None:
    with pytest.raises(AirflowSkipException, match="has not been deployed yet"):
        pending()


def spans(told: Any) -> list[Any]:
    """As they come back from Airflow: positions are lists."""
    return json.loads(json.dumps(SpansOperator(task_id="spans", job=JOB).execute(told)))


def recounted(span: Any, told: Any) -> Any:
    return RecountOperator(task_id="recount", job=JOB, span=span).execute(told)


@pytest.fixture
def true(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """The lines in the topic are what the fleet says that they are."""
    monkeypatch.setattr("weir.counts.tally.reader", lambda rules: lambda key, value, append_ms: (0, "error", None))
    return landed


def test_recount_goes_on_from_what_is_proven(true: Fleet) -> None:
    for n in (1, 2):
        told = context()
        (span,) = spans(told)
        assert (span["since"], span["until"], span["upto"]) == (0, HOUR_MS, [1, n - 1])
        parts = [recounted(span, told)]
        assert parts[0]["checked_lines"] == n
        prove = ProveOperator(task_id="prove", job=JOB, goal=told["ti"].pushed["goal"], recounts=parts)
        assert prove.execute(told) == {"lines": n, "checked": n}
        assert spans(context()) == []
        true.land()


def test_what_a_form_asks_for_proves_nothing_but_itself(true: Fleet) -> None:
    told = context(since="1970-01-01T00:00:00Z", until=None)
    (span,) = spans(told)
    parts = [recounted(span, told)]
    with pytest.raises(AirflowSkipException):
        ProveOperator(task_id="prove", job=JOB, goal=told["ti"].pushed["goal"], recounts=parts).execute(told)
    assert true.store.proven(JOB) is None


def test_a_span_that_is_missing_proves_nothing(true: Fleet) -> None:
    told = context()
    spans(told)
    with pytest.raises(AirflowFailException, match="some spans did not"):
        ProveOperator(task_id="prove", job=JOB, goal=told["ti"].pushed["goal"], recounts=[]).execute(told)
    assert true.store.proven(JOB) is None


def test_lines_that_the_broker_lost_before_they_were_checked_fail_once_and_are_told(true: Fleet) -> None:
    true.broker.forget("logs", 0, 1)
    told = context()
    (span,) = spans(told)
    parts = [recounted(span, told)]
    prove = ProveOperator(task_id="prove", job=JOB, goal=told["ti"].pushed["goal"], recounts=parts)
    with pytest.raises(AirflowFailException, match=r"WEIR-401.*1 lines landed that the broker no longer has"):
        prove.execute(told)
    assert true.manager.health(JOB).evidence["proven"]["share"] == 0.0  # type: ignore[index]
    assert spans(context()) == []


def test_recount_takes_the_span_of_the_form(landed: Fleet) -> None:
    (span,) = spans(context(since="1970-01-01T00:00:10Z", until=None))
    assert (span["since"], span["until"], span["barren"]) == (10_000, None, False)


def test_a_bad_time_in_the_form_is_refused_with_its_field(landed: Fleet) -> None:
    with pytest.raises(AirflowFailException, match="until: 'noon' is not a time"):
        SpansOperator(task_id="spans", job=JOB).execute(context(until="noon"))


def test_a_recount_that_does_not_come_out_equal_fails_with_the_places_and_is_kept(landed: Fleet) -> None:
    told = context()  # the line in the topic is empty: it cannot have been an error line
    (span,) = spans(told)
    with pytest.raises(AirflowFailException, match="WEIR-401"):
        recounted(span, told)
    assert told["ti"].pushed["recount"]["doubled"] == 1
    assert landed.store.recounts(JOB)[0]["doubled"] == 1
    (line,) = [event for event in landed.store.events(JOB) if event.kind == "recount"]
    assert (line.kind, line.who, line.reason, line.detail["doubled"]) == ("recount", "ana (Airflow)", "run manual__1", 1)


def test_a_fold_that_is_refused_is_in_the_timeline_as_by_hand(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.quality.gate.gate", lambda rules: lambda ready: {ready[0].at: "levels are lower case"})
    for _ in range(2):  # Airflow tries again
        with pytest.raises(AirflowFailException):
            FoldOperator(task_id="fold", job=JOB, places=pending()[0]).execute(context())
    lines = [(e.kind, e.who, e.reason) for e in landed.store.events(JOB) if "levels are lower case" in e.text]
    assert lines == [("fold", "ana (Airflow)", "run manual__1")]


@pytest.mark.parametrize("broken", [False, True])
def test_a_validation_leaves_its_docs_also_when_it_fails(landed: Fleet, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    law = Law("counts", "no negative counts", not broken, 7, 3 if broken else 0)
    result = ValidationResult(JOB, (law,), "/data_docs/error_counts/index.html")
    monkeypatch.setitem(__import__("sys").modules, "weir.counts.quality.validate", SimpleNamespace(check=lambda *args: result))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/ops/")
    task, told = ValidateOperator(task_id="validate", job=JOB), context()
    if broken:
        with pytest.raises(AirflowFailException, match=f"WEIR-401: .*no negative counts.*See {DOCS}"):
            task.execute(told)
    else:
        assert task.execute(told) == {"sentence": f"{JOB}: all 1 expectations are met.", "docs": DOCS}
    assert told["ti"].pushed["validation"]
    lines = [(e.kind, e.who, e.reason) for e in landed.store.events(JOB) if e.kind == "validate"]
    assert lines == ([("validate", "ana (Airflow)", "run manual__1")] if broken else [])


@pytest.mark.parametrize("kind", [ValidateOperator, FoldOperator, RecountOperator])
@pytest.mark.parametrize(("base", "docs"), [("http://airflow:8080/ops/", DOCS), ("", "/weir/docs/error_counts/index.html")])
def test_tasks_link_to_the_data_docs_as_airflow_serves_them(monkeypatch: pytest.MonkeyPatch, kind: Any, base: str, docs: str) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    (link,) = kind.operator_extra_links
    assert link.get_link(SimpleNamespace(job=JOB), ti_key=None) == docs
