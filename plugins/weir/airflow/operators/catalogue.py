"""From the jobs' specs to DAGs: which jobs there are, and the rules that every DAG of Weir keeps. Light: it runs at each parse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, Param

from weir.jobs.folders import sound
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec
from weir.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)  # fixed: a moving start date moves schedules
DEFAULTS: Mapping[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=5),  # Airflow's own 300 s is an outage of its own
    "execution_timeout": timedelta(minutes=5),
}
BACKGROUND = {"fold", "validate", "recount"}  # these wait for a worker when a stream needs one
Schedule = timedelta | str | Sequence[Asset] | None


def jobs(needs: Capability | None = None) -> Iterable[JobSpec]:
    """The jobs whose spec is sound, or those of them whose kind has a capability. What is wrong with the others, `problems` says."""
    return [spec for spec in sound(*Settings.load().job_folders).values() if needs is None or spec.kind.can(needs)]


def problems() -> list[str]:
    """What is wrong with the specs, each with its file and field."""
    return [f"{wrong.what} {wrong.next_step}".strip() for wrong in sound(*Settings.load().job_folders).bad.values()]


def job_dag(spec: JobSpec, verb: str, doc: str, schedule: Schedule = None, params: Mapping[str, Param] | None = None) -> DAG:
    """The DAG `<job>_<verb>`. `doc` may say {job}."""
    title = f"{verb.capitalize()} {spec.name}. {spec.description}".strip()
    return weir_dag(f"{spec.name}_{verb}", title, doc.replace("{job}", spec.name), [spec.name, verb], schedule, spec.owner, params)


def weir_dag(
    dag_id: str,
    title: str,
    doc: str,
    tags: Sequence[str],
    schedule: Schedule = None,
    owner: str = "weir",
    params: Mapping[str, Param] | None = None,
) -> DAG:
    """A DAG that keeps the house rules: one run at a time, never a run for the past, few quick retries, an owner, documentation."""
    return DAG(
        dag_id=dag_id,
        description=title,
        doc_md=doc,
        schedule=schedule,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["weir", *tags],
        params=dict(params or {}),
        default_args={"owner": owner, "priority_weight": 1 if BACKGROUND & set(tags) else 10, **DEFAULTS},
    )
