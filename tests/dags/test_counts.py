"""Fold, validate and recount as operators over counts in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from spark_jobs.contract import DAY_MS, HOUR_MS
from tests.dags.fleet import JOB, Fleet, context
from weir.errors import NotProven
from weir.operators import counts
from weir.operators.counts import (
    FoldOperator,
    PendingDaysOperator,
    PendingOperator,
    RecountOperator,
    RollUpOperator,
    SpansOperator,
    SweepOperator,
    ValidateOperator,
)
from weir.operators.spans import joined


@pytest.fixture
def landed(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One line of the first hour of 1970 has landed, and all is closed."""
    monkeypatch.setattr("weir.cluster.kafka.KafkaBroker", lambda address: fleet.broker)
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
    assert pending() == [] and SpansOperator(task_id="spans", job=JOB).execute(context()) == []


def test_what_cannot_be_proven_fails_at_once_with_the_sums(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.counts.fold.ledger_levels", lambda *rest: {"error": 2})
    with pytest.raises(AirflowFailException, match=r"WEIR-401.*folded to .*the ledger says"):
        FoldOperator(task_id="fold", job=JOB, places=pending()[0]).execute(context())


def test_what_the_gate_refuses_fails_with_the_law_and_is_not_published(landed: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.quality.gate.gate", lambda rules: lambda ready: {ready[0].at: "levels are lower case"})
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
    with pytest.raises(AirflowSkipException, match="never deployed"):
        pending()


def test_recount_takes_the_hours_that_were_written_of_late(landed: Fleet) -> None:
    spans = SpansOperator(task_id="spans", job=JOB)
    assert spans.execute(context()) == [{"since": 0, "until": HOUR_MS}]
    landed.clock.sleep(3 * 3600)
    assert spans.execute(context()) == []


def test_recount_takes_the_span_of_the_form(landed: Fleet) -> None:
    spans = SpansOperator(task_id="spans", job=JOB).execute(context(since="1970-01-01T00:00:10Z", until=None))
    assert spans == [{"since": 10_000, "until": None}]


def test_a_bad_time_in_the_form_is_refused_with_its_field(landed: Fleet) -> None:
    with pytest.raises(AirflowFailException, match="until: 'noon' is not a time"):
        SpansOperator(task_id="spans", job=JOB).execute(context(until="noon"))


def test_a_recount_that_does_not_come_out_equal_fails_with_the_places_and_is_kept(landed: Fleet) -> None:
    told = context()  # the line in the topic is empty: it cannot have been an error line
    with pytest.raises(AirflowFailException, match="WEIR-401"):
        RecountOperator(task_id="recount", job=JOB, span={"since": 0, "until": HOUR_MS}).execute(told)
    assert told["ti"].pushed["recount"]["doubled"] == 1
    assert landed.store.recounts(JOB)[0]["doubled"] == 1


def test_hours_that_follow_one_another_are_one_span_of_a_day_at_most() -> None:
    hours = [n * HOUR_MS for n in (0, 1, 2, 5, *range(10, 40))]
    assert [((s["until"] or 0) - (s["since"] or 0)) // HOUR_MS for s in joined(hours)] == [3, 1, 24, 6]


@pytest.mark.parametrize("broken", [False, True])
def test_a_validation_leaves_its_docs_also_when_it_fails(landed: Fleet, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    def refuse() -> None:
        if broken:
            raise NotProven("negative counts in 3 panes.", "Look at the Data Docs.")

    result = SimpleNamespace(
        docs="http://docs/1", sentence="7 laws hold.", rows=lambda: [{"law": "no negative counts"}], raise_if_broken=refuse
    )
    monkeypatch.setitem(__import__("sys").modules, "weir.quality.validate", SimpleNamespace(check=lambda *args: result))
    task, told = ValidateOperator(task_id="validate", job=JOB), context()
    if broken:
        with pytest.raises(AirflowFailException, match="WEIR-401: negative counts in 3 panes"):
            task.execute(told)
    else:
        assert task.execute(told)["sentence"] == "7 laws hold."
    assert told["ti"].pushed["validation"] and task.operator_extra_links[0].get_link(task, ti_key=None) == "http://docs/1"
