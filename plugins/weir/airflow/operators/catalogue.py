"""Build DAGs from the jobs' specs, with the common settings of all DAGs of Weir. Light, since it runs at each parse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, Param

from weir.jobs.folders import sound
from weir.jobs.kinds import Capability
from weir.jobs.spec import JobSpec
from weir.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)  # fixed: a changing start date shifts schedules
DEFAULTS: Mapping[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=5),  # Airflow's default of 300 s would be an outage in itself
    "execution_timeout": timedelta(minutes=5),
}
BACKGROUND = {"fold", "validate", "recount"}  # tasks of these DAGs come first when workers are short
Schedule = timedelta | str | Sequence[Asset] | None


def jobs(needs: Capability | None = None) -> Iterable[JobSpec]:
    """Return the jobs with a valid spec, optionally only those whose kind has a capability. `problems` returns the errors of the others."""
    return [spec for spec in sound(*Settings.load().job_folders).values() if needs is None or spec.kind.can(needs)]


def problems() -> list[str]:
    """Return the errors in specs, with file and field."""
    return [f"{wrong.what} {wrong.next_step}".strip() for wrong in sound(*Settings.load().job_folders).bad.values()]


def job_dag(spec: JobSpec, verb: str, doc: str, schedule: Schedule = None, params: Mapping[str, Param] | None = None) -> DAG:
    """Return the DAG `<job>_<verb>`. `doc` may contain {job}."""
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
    """Return a DAG with Weir's common settings: one run at a time, no catch-up, few quick retries, an owner, documentation."""
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
