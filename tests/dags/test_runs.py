"""Whole DAGs, run as Airflow runs them but in this process: forms, mapping, skipping, deferring, triggering other DAGs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.dags.conftest import PROJECT
from tests.dags.fleet import JOB, Fleet

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def dags() -> DagBag:
    return DagBag(dag_folder=str(PROJECT / "dags"))


def run(dags: DagBag, dag_id: str, **conf: Any) -> tuple[str, dict[str, str]]:
    """The state of a run, and of its tasks."""
    done = dags.dags[dag_id].test(run_conf=conf)
    return str(done.state), {
        f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state) for ti in done.get_task_instances()
    }


def runs_of(dag_id: str) -> dict[str, Any]:
    """Conf by run id."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return {found.run_id: found.conf for found in session.query(DagRun).filter(DagRun.dag_id == dag_id)}


def events_of(asset: str) -> list[dict[str, Any]]:
    """What the events of an asset tell, the oldest first."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        wanted = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id).where(AssetModel.name == asset)
        return [dict(found.extra) for found in session.scalars(wanted.order_by(AssetEvent.id))]


def test_deploy_waits_in_the_triggerer_until_the_job_is_ready(dags: DagBag, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    answer = fleet.manager.ready

    def ready(job: str, attempt: int) -> bool:
        asked.append(attempt)
        if len(asked) == 3:
            fleet.land()
        return answer(job, attempt)

    monkeypatch.setattr(fleet.manager, "ready", ready)
    assert run(dags, "error_counts_deploy", reason="first") == ("success", {"deploy": "success", "ready": "success"})
    assert len(asked) == 3 and fleet.store.attempts(JOB)[0].reason == "first"


def test_a_restart_that_was_done_already_is_skipped_and_its_readiness_awaited(dags: DagBag, fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.kill()
    fleet.manager.restart(JOB, 1)
    fleet.land()
    state, tasks = run(dags, "error_counts_restart", attempt=1, by="watch", reason="the driver has ended: {{ not a template }}")
    assert (state, tasks) == ("success", {"restart": "skipped", "ready": "success"})


def test_a_form_that_does_not_fit_is_refused(dags: DagBag, fleet: Fleet) -> None:
    with pytest.raises(ValueError, match="attempt"):
        run(dags, "error_counts_restart", attempt="the last one")


def test_health_maps_the_job_in_trouble_and_starts_its_restart(dags: DagBag, fleet: Fleet) -> None:
    fleet.clock.now = time.time()
    fleet.manager.deploy(JOB)
    fleet.kill()
    before = runs_of("error_counts_restart")
    assert run(dags, "weir_health") == ("success", {"tick": "success", "trouble[0]": "success"})
    (new,) = [conf for run_id, conf in runs_of("error_counts_restart").items() if run_id not in before]
    assert new["attempt"] == 1 and new["by"] == "health"


def test_health_of_a_fleet_without_trouble_maps_nothing(dags: DagBag, fleet: Fleet) -> None:
    fleet.manager.deploy(JOB)
    fleet.land()
    assert run(dags, "weir_health") == ("success", {"tick": "success", "trouble": "skipped"})


def test_a_tick_tells_by_an_asset_what_has_landed_since_the_last_one(dags: DagBag, fleet: Fleet) -> None:
    fleet.clock.now = time.time()
    fleet.manager.deploy(JOB)
    before = len(events_of("error_counts_landed"))
    assert run(dags, "weir_health")[0] == "success"
    assert len(events_of("error_counts_landed")) == before
    fleet.clock.now = time.time()
    fleet.land()
    assert run(dags, "weir_health")[0] == "success"
    told = events_of("error_counts_landed")
    assert len(told) == before + 1 and told[-1]["batch_id"] == 0 and told[-1]["attempt"] == 1
    assert run(dags, "weir_health")[0] == "success"
    assert len(events_of("error_counts_landed")) == before + 1


def test_recount_is_mapped_over_spans_and_proves_them(dags: DagBag, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.factory.source_of", lambda address: fleet.broker)
    monkeypatch.setattr("weir.counts.tally.reader", lambda rules: lambda key, value, append_ms: (0, "error", None))
    fleet.manager.deploy(JOB)
    fleet.land()
    assert run(dags, "error_counts_recount") == ("success", {"spans": "success", "recount[0]": "success", "prove": "success"})
    before = fleet.store.proven(JOB)
    assert before is not None
    assert len(events_of("error_counts_proven")) == 1
    assert run(dags, "error_counts_recount") == ("success", {"spans": "success", "recount": "skipped", "prove": "skipped"})
    assert run(dags, "error_counts_recount", since="1970-01-01T00:00:00Z")[1] == {
        "spans": "success", "recount[0]": "success", "prove": "skipped",
    }  # fmt: skip
    monkeypatch.setattr("weir.counts.tally.reader", lambda rules: lambda key, value, append_ms: "not_a_log_line")
    fleet.land()
    assert run(dags, "error_counts_recount") == ("failed", {"spans": "success", "recount[0]": "failed", "prove": "upstream_failed"})
    assert fleet.store.proven(JOB) == before
