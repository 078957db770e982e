"""The tick and what becomes of its trouble; what the watch has done, shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from tests.dags.fleet import JOB, Fleet, context
from weir.airflow.operators.health import UNKNOWN_MS, RecordOperator, ShowOperator, TickOperator, TroubleOperator
from weir.airflow.triggers.restart_events import Telling
from weir.airflow.triggers.watch import Crew, sweep
from weir.errors import NotRunning


def tick() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    told = context()
    return TickOperator(task_id="tick").execute(told), told["ti"].pushed["reports"]


def trouble(report: dict[str, Any], **changed: Any) -> DagRunTriggerException:
    with pytest.raises(DagRunTriggerException) as started:
        TroubleOperator(task_id="trouble", report={**report, **changed}).execute(context())
    return started.value


def test_only_the_job_in_trouble_becomes_a_task(fleet: Fleet) -> None:
    fleet.add("two", "three")
    for job in fleet.manager.specs:
        fleet.manager.deploy(job)
    fleet.land("two")
    fleet.kill("two")
    found, reports = tick()
    assert [(r["job"], r["verdict"], r["act"], r["attempt"]) for r in found] == [("two", "down", "restart", 1)]
    assert set(reports) == {JOB, "two", "three"} and reports["three"]["verdict"] == "starting"
    assert "lag" in reports["three"]["evidence"]


def test_a_driver_that_ended_before_it_reached_the_store_has_its_output_read_first(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    (report,), _ = tick()
    assert (report["verdict"], report["act"]) == ("down", "read_ending")
    assert trouble(report, not_before=0).trigger_dag_id == "error_counts_restart"


def test_of_many_jobs_the_ones_that_can_be_helped_come_first_and_the_rest_have_their_turn(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.airflow.operators.health.MOST", 2)
    fleet.add("two", "three", "four")
    for job in fleet.manager.specs:
        fleet.manager.deploy(job)
    fleet.store.put_exit("two", 1, "i", "diverged", "the ledger disagrees", 3)
    without = fleet.manager.specs["two"].restart.model_copy(update={"rebuild_on_divergence": False})
    fleet.manager.specs["two"] = fleet.manager.specs["two"].model_copy(update={"restart": without})
    for job in ("three", "four"):
        fleet.kill(job)
    found, reports = tick()
    assert {r["job"] for r in found} == {"three", "four"} == set(reports)
    fleet.manager.restart("three")
    found, reports = tick()
    assert [r["job"] for r in found] == ["four", "two"] == list(reports)


def test_trouble_starts_the_restart_of_the_judged_attempt_once(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    started = trouble(tick()[0][0], not_before=0)
    assert started.trigger_dag_id == "error_counts_restart" and started.dag_run_id == "attempt_1__manual__1"
    assert started.conf["attempt"] == 1 and started.conf["by"] == "health" and "has ended" in started.conf["reason"]
    assert started.skip_when_already_exists and started.logical_date is None


def test_the_pause_before_a_restart_is_kept(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    with pytest.raises(AirflowSkipException, match=r"restarted in .* s at the earliest"):
        report = {**tick()[0][0], "not_before": 99_999_999_999_999}
        TroubleOperator(task_id="trouble", report=report).execute(context())


def test_what_needs_a_person_fails_with_a_sentence(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.broker.fill("logs", 0, 5)
    fleet.broker.forget("logs", 0, 3)
    found, _ = tick()
    with pytest.raises(AirflowFailException, match=r"partition 0 offsets 0 to 2.*Next: .*Evidence: "):
        TroubleOperator(task_id="trouble", report=found[0]).execute(context())


def test_a_probe_that_fails_is_unknown_and_starts_nothing(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.land()
    fleet.broker.answers = fleet.cluster.answers = False
    found, reports = tick()
    assert found == [] and reports[JOB]["verdict"] == "unknown"


def test_unknown_for_long_is_an_alert_and_never_a_restart(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.land()
    fleet.broker.answers = fleet.cluster.answers = False
    tick()
    fleet.clock.now += UNKNOWN_MS / 1000 + 1
    (found,), _ = tick()
    assert (found["verdict"], found["act"]) == ("unknown", "none")
    with pytest.raises(AirflowFailException, match="did not answer"):
        TroubleOperator(task_id="trouble", report=found).execute(context())


def test_without_the_store_the_tick_fails_with_a_sentence(fleet: Fleet) -> None:
    fleet.broken = NotRunning("Cassandra cannot be reached.", "Run: weir up")
    with pytest.raises(NotRunning, match=r"WEIR-201: Cassandra cannot be reached. Run: weir up"):
        tick()


def test_reasons_are_no_templates() -> None:
    assert tuple(TroubleOperator.template_fields) == tuple(ShowOperator.template_fields) == ()


def test_what_the_watch_did_is_shown_as_one_restart_run_per_new_attempt(fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    payload = sweep(fleet.manager, Crew(telling=Telling(within_s=0)), 0)
    event = SimpleNamespace(extra={"from_trigger": True, "payload": payload})
    told = {**context(), "triggering_asset_events": {"weir_trouble": [event]}}
    (acted,) = RecordOperator(task_id="record").execute(told)
    with pytest.raises(DagRunTriggerException) as started:
        ShowOperator(task_id="show", acted=acted).execute(context())
    assert (started.value.trigger_dag_id, started.value.dag_run_id) == ("error_counts_restart", "attempt_2__watch")
    assert started.value.conf["attempt"] == 1 and started.value.conf["by"] == "watch"


def test_a_run_by_hand_of_the_watch_shows_nothing() -> None:
    assert RecordOperator(task_id="record").execute({**context(), "triggering_asset_events": {}}) == []
