"""Deploy, restart and ready, as operators over a real manager in memory, and as whole DAGs."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from tests.dags.fleet import JOB, Fleet, context
from weir.airflow.operators.base import WeirOperator
from weir.airflow.operators.deploy import DeployOperator, RestartOperator
from weir.airflow.operators.health import RecordOperator, TickOperator
from weir.airflow.operators.links import DriverLogLink
from weir.airflow.operators.ready import ReadyOperator
from weir.errors import NotRunning


def deploy(**params: Any) -> dict[str, Any]:
    return DeployOperator(task_id="deploy", job=JOB).execute(context(**params))


def restart(**params: Any) -> dict[str, Any]:
    return RestartOperator(task_id="restart", job=JOB).execute(context(**params))


def ready() -> dict[str, Any]:
    return ReadyOperator(task_id="ready", job=JOB, within=60.0).execute(context())


def test_deploy_starts_a_driver_and_then_changes_nothing(fleet: Fleet) -> None:
    first, again = deploy(reason="first"), deploy()
    assert (first["changed"], again["changed"], again["attempt"]) == (True, False, 1)
    assert fleet.cluster.alive == ["driver-1"]
    assert (row := fleet.store.attempts(JOB)[0]).who == "ana (Airflow)" and row.reason == "first"


def test_force_replaces_the_driver(fleet: Fleet) -> None:
    deploy()
    assert deploy(force=True, reason="new image")["attempt"] == 2
    assert fleet.cluster.alive == ["driver-2"]


def test_the_connection_says_where_spark_is(fleet: Fleet) -> None:
    deploy()
    assert (fleet.opened[0].spark_master, fleet.opened[0].spark_rest) == ("spark://sparkhost:7077", "http://sparkhost:6066")


def test_an_unknown_job_fails_at_once_with_the_jobs_there_are(fleet: Fleet) -> None:
    with pytest.raises(AirflowFailException, match=r"There is no job 'nope'. Jobs: error_counts"):
        DeployOperator(task_id="deploy", job="nope").execute(context())


def test_a_person_restarts_a_healthy_job(fleet: Fleet) -> None:
    deploy()
    assert restart(reason="by hand")["attempt"] == 2


def test_automation_restarts_the_attempt_that_it_judged(fleet: Fleet) -> None:
    deploy()
    fleet.kill()
    assert restart(attempt=1, by="health")["attempt"] == 2
    assert fleet.store.attempts(JOB)[0].who == "weir"  # so that it counts against the budget


@pytest.mark.parametrize("by", ["health", ""])
def test_a_restart_of_an_attempt_that_was_replaced_is_skipped_with_a_sentence(fleet: Fleet, by: str) -> None:
    deploy()
    fleet.kill()
    restart()
    with pytest.raises(AirflowSkipException, match="attempt"):
        restart(attempt=1, by=by)
    assert fleet.attempt() == 2 and fleet.cluster.alive == ["driver-2"]


def test_automation_leaves_a_job_alone_that_is_well_again(fleet: Fleet) -> None:
    deploy()
    fleet.land()
    with pytest.raises(AirflowSkipException, match="no action is needed now"):
        restart(attempt=1, by="health")
    assert fleet.attempt() == 1


def test_a_loss_is_accepted_by_the_form_with_a_reason(fleet: Fleet) -> None:
    deploy()
    fleet.land()
    fleet.broker.fill("logs", 0, 9)
    fleet.broker.forget("logs", 0, 5)
    fleet.kill()
    with pytest.raises(AirflowFailException, match=r"WEIR-303.*offsets 1 to 4"):
        restart(reason="by hand")
    with pytest.raises(AirflowFailException, match="reason"):
        restart(accept_loss=True)
    assert restart(accept_loss=True, reason="the disk was small")["attempt"] == 2
    head = fleet.store.head(JOB)
    assert head is not None and head.gap is not None and (head.gap.who, head.gap.lines) == ("ana (Airflow)", 4)


def test_ready_answers_at_once_when_it_is(fleet: Fleet) -> None:
    deploy()
    fleet.land()
    assert ready()["sentence"] == "error_counts is ready with attempt 1"


def test_ready_defers_with_the_deadline_of_the_spec(fleet: Fleet) -> None:
    deploy()
    with pytest.raises(TaskDeferred) as deferred:
        ready()
    trigger = deferred.value.trigger
    assert 55 < trigger.deadline - time.time() <= 60
    assert deferred.value.timeout is not None and deferred.value.timeout.total_seconds() == 90


def test_ready_fails_with_the_cause_when_the_driver_has_ended(fleet: Fleet) -> None:
    deploy()
    fleet.kill()
    with pytest.raises(AirflowFailException, match="The driver of error_counts, attempt 1, has ended"):
        ready()


@pytest.mark.parametrize("event", ["success", {"ready": True, "sentence": "ready"}])
def test_ready_resumes_on_a_success_in_any_form(event: Any) -> None:
    assert ReadyOperator(task_id="ready", job=JOB, within=1.0).resume(context(), event)["ready"] is True


@pytest.mark.parametrize("event", ["failed", None, {"ready": False, "sentence": "it will not be"}])
def test_ready_fails_on_everything_else(event: Any) -> None:
    with pytest.raises(AirflowFailException):
        ReadyOperator(task_id="ready", job=JOB, within=1.0).resume(context(), event)


# plans and rollback


def another_version(fleet: Fleet) -> None:
    """Attempt 1 has landed; attempt 2 runs a version that has never been ready."""
    fleet.clock.now = time.time()
    deploy()
    fleet.land()
    fleet.manager.specs[JOB] = fleet.manager.specs[JOB].model_copy(update={"trigger": 5.0})
    deploy()


def ready_or_back(event: dict[str, Any] | None = None) -> dict[str, Any]:
    task = ReadyOperator(task_id="ready", job=JOB, within=60.0, roll_back=True)
    return task.execute(context()) if event is None else task.resume(context(), event)


def test_the_plan_is_logged_before_anything_is_done(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[int, str]] = []
    log = SimpleNamespace(
        info=lambda text, *args: said.append((len(fleet.cluster.submissions), str(text))),
        warning=lambda text, *args: None,  # Airflow's own, of a task without a task runner
    )
    monkeypatch.setattr(DeployOperator, "log", log)
    another_version(fleet)
    drivers, plan = said[-2]
    assert drivers == 1 and "same checkpoint" in plan and "changes trigger: 1.0 -> 5.0" in plan


def test_a_refused_deploy_fails_at_once_and_stops_nothing(fleet: Fleet) -> None:
    deploy()
    source = fleet.manager.specs[JOB].source
    fleet.manager.specs[JOB] = fleet.manager.specs[JOB].model_copy(update={"source": source.model_copy(update={"topic": "other"})})
    with pytest.raises(AirflowFailException, match=r"WEIR-304.*Make a new job for it"):
        deploy()
    assert fleet.cluster.alive == ["driver-1"]


def test_the_form_goes_back_to_a_kept_version(fleet: Fleet) -> None:
    another_version(fleet)
    first = fleet.store.attempts(JOB)[1].version
    assert deploy(to=first[:6])["attempt"] == 3 and fleet.store.attempts(JOB)[0].version == first
    with pytest.raises(AirflowFailException, match="WEIR-305"):
        deploy(to="0123")


def test_a_version_that_fails_is_taken_back_and_the_task_says_so(fleet: Fleet) -> None:
    another_version(fleet)
    first = fleet.store.attempts(JOB)[1].version
    fleet.store.put_exit(JOB, 2, "i-2", "failed", "KeyError: 'x'", 1)
    with pytest.raises(
        AirflowFailException,
        match=rf"has ended: KeyError: 'x'.*rolled back from .* to {first}, as attempt 3: .* failed",
    ):
        ready_or_back()
    assert fleet.attempt() == 3 and len(fleet.cluster.alive) == 1


def test_a_version_that_is_late_is_taken_back(fleet: Fleet) -> None:
    another_version(fleet)
    with pytest.raises(TaskDeferred):
        ready_or_back()
    fleet.clock.sleep(125)
    with pytest.raises(AirflowFailException, match=r"not ready in time.*rolled back"):
        ready_or_back({"ready": False, "late": True, "sentence": "error_counts was not ready in time."})
    assert fleet.attempt() == 3


def test_an_outage_takes_nothing_back(fleet: Fleet) -> None:
    another_version(fleet)
    fleet.clock.sleep(125)
    fleet.cluster.answers = False
    with pytest.raises(AirflowFailException) as failed:
        ready_or_back({"ready": False, "late": True, "sentence": "error_counts was not ready in time."})
    assert "rolled back" not in str(failed.value) and fleet.attempt() == 2


def test_a_driver_that_was_killed_is_waited_for_since_the_watch_starts_it_again(fleet: Fleet) -> None:
    another_version(fleet)
    fleet.kill()
    with pytest.raises(TaskDeferred) as deferred:
        ready_or_back()
    assert deferred.value.trigger.roll_back
    fleet.manager.restart(JOB)
    fleet.kill()
    with pytest.raises(AirflowFailException, match="2 drivers in a row ended before they had begun"):
        ready_or_back()


@pytest.mark.parametrize("kind", [DeployOperator, RestartOperator, ReadyOperator, TickOperator, RecordOperator])
def test_no_task_has_an_on_kill(kind: type[WeirOperator]) -> None:
    from airflow.sdk import BaseOperator

    assert kind.on_kill is BaseOperator.on_kill


@pytest.mark.parametrize("kind", [DeployOperator, RestartOperator, ReadyOperator])
def test_tasks_lead_to_the_console_the_driver_and_spark(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:8080/ops/")
    deploy()
    monkeypatch.setattr(fleet.cluster, "log_link", lambda submission_id: f"http://worker/{submission_id}")
    links = {link.name: link.get_link(SimpleNamespace(job=JOB), ti_key=None) for link in kind.operator_extra_links}
    assert links == {
        "Weir": f"http://airflow:8080/ops/weir/jobs/{JOB}",
        "Driver's log": "http://worker/driver-1",
        "Spark": "http://sparkhost:8080",
    }
    monkeypatch.setattr("weir.airflow.session.connect", Mock(side_effect=NotRunning("Cassandra is away.", "Look.")))
    assert DriverLogLink().get_link(SimpleNamespace(job=JOB), ti_key=None) == "", "a link is no reason to fail"
