"""A job.yaml that does not fit, on pages, in REST answers, tasks and metrics: its own job says why, no other is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from fastapi.testclient import TestClient

from tests.dags.conftest import logged_in
from tests.dags.fleet import JOB, Fleet, context
from weir.airflow.operators.alerts import AlertOperator
from weir.airflow.operators.counts import PendingOperator
from weir.airflow.operators.deploy import DeployOperator
from weir.errors import NotDelivered
from weir.jobs.folders import sound
from weir.jobs.specs import with_deployed
from weir.metrics.families import families
from weir.metrics.look import Looker
from weir.settings import PROJECT

GOOD = (PROJECT / "spark_jobs/error_counts/job.yaml").read_text()
WHY = "broken/job.yaml is not valid: trigger"
ENDS = ["", "?since=6h", "/errors"]


@pytest.fixture
def two(fleet: Fleet, tmp_path: Path) -> Fleet:
    """`error_counts` runs; the file of `broken`, which was never deployed, does not fit."""
    write(tmp_path, JOB, GOOD)
    write(tmp_path, "broken", GOOD.replace("name: error_counts", "name: broken").replace("trigger: 1s", "trigger: soon"))
    fleet.manager.deploy(JOB)
    fleet.land()
    reread(fleet, tmp_path)
    return fleet


def write(folder: Path, name: str, text: str) -> None:
    (folder / "jobs" / name).mkdir(parents=True, exist_ok=True)
    (folder / "jobs" / name / "job.yaml").write_text(text)


def reread(fleet: Fleet, folder: Path) -> None:
    """What opening a manager does when files have changed."""
    fleet.manager.specs = with_deployed(sound(folder / "jobs"), fleet.store.jobs())


@pytest.mark.parametrize("end", ENDS)
def test_the_pages_of_the_other_job_are_there_and_its_own_say_why(viewer: TestClient, two: Fleet, end: str) -> None:
    assert viewer.get(f"/weir/jobs/{JOB}{end}").status_code == 200
    answer = viewer.get(f"/weir/jobs/broken{end}")
    assert answer.status_code == 400 and WHY in answer.text


@pytest.mark.parametrize("page", ["", "alerts", "inbox"])
def test_the_pages_of_all_jobs_are_there(viewer: TestClient, two: Fleet, page: str) -> None:
    answer = viewer.get(f"/weir/{page}")
    assert answer.status_code == 200
    assert page or (WHY in answer.text and f"jobs/{JOB}" in answer.text), "the page of all jobs says which file does not fit"


@pytest.mark.parametrize("path", ["", "/ledger", "/rejected", "/recounts", "/counts?since=1h", "/timeline"])
def test_rest_answers_about_the_other_job_and_says_why_about_its_own(anybody: TestClient, two: Fleet, path: str) -> None:
    logged_in(anybody, "viewer")
    assert anybody.get(f"/weir/api/v1/jobs/{JOB}{path}").status_code == 200
    answer = anybody.get(f"/weir/api/v1/jobs/broken{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, "WEIR-102") and WHY in answer.json()["detail"]
    assert [row["job"] for row in anybody.get("/weir/api/v1/jobs").json()["items"]] == [JOB]


def test_tasks_of_its_own_fail_with_the_sentence(two: Fleet) -> None:
    for task in (PendingOperator, DeployOperator):
        with pytest.raises(AirflowFailException, match=f"WEIR-102: {WHY}"):
            task(task_id="task", job="broken").execute(context())
    DeployOperator(task_id="task", job=JOB).execute(context())


def test_alerts_of_the_other_job_go_on(two: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.factory.source_of", lambda _: two.broker)
    monkeypatch.setattr("weir.airflow.alerting.time.time", two.clock)
    monkeypatch.setenv("WEIR_RULES", str(tmp_path / "rules"))
    (tmp_path / "rules").mkdir()
    AlertOperator(task_id="alert").execute(context())
    (tmp_path / "rules" / "broken.yaml").write_text("job: broken\nrules: [{name: many, kind: threshold, above: 1, window: 1m}]")
    (tmp_path / "rules" / f"{JOB}.yaml").write_text(f"job: {JOB}\nrules: [{{name: many, kind: threshold, above: 1, window: 1m}}]")
    with pytest.raises(NotDelivered, match=f"broken.yaml: job: {WHY}"):
        AlertOperator(task_id="alert").execute(context())
    assert two.store.books([JOB])[JOB].record, "its rules were evaluated all the same"


def test_metrics_have_the_other_job_and_say_whose_file_does_not_fit(two: Fleet) -> None:
    samples = [sample for family in families(Looker().look(two.manager)) for sample in family.samples]
    found = {(sample.name, sample.labels.get("weir_job")): sample.value for sample in samples}
    assert (found["weir_spec_fits", JOB], found["weir_spec_fits", "broken"]) == (1, 0)
    assert ("weir_attempt", JOB) in found and ("weir_attempt", "broken") not in found


def test_a_job_that_runs_goes_on_by_its_deployed_spec_when_its_file_is_spoilt(two: Fleet, tmp_path: Path, viewer: TestClient) -> None:
    write(tmp_path, JOB, "name: error_counts\nsource: {}")
    reread(two, tmp_path)
    assert viewer.get(f"/weir/jobs/{JOB}").status_code == 200 and viewer.get(f"/weir/api/v1/jobs/{JOB}").status_code == 200
    two.kill()
    (report,) = two.manager.tick()
    assert two.manager.act(report) and two.attempt() == 2
    two.manager.stop(JOB)
    reread(two, tmp_path)
    assert viewer.get(f"/weir/jobs/{JOB}").status_code == 200, "also when it is stopped"
