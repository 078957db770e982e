"""Spark standalone: an active master, workers, and room for each job. Other clusters are asked through Airflow's connection only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weir.cluster import masters_page
from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import NotRunning
from weir.http import Api, rows
from weir.jobs.folders import sound
from weir.jobs.spec import Resources
from weir.settings import Settings
from weir.supervise.preflight import resources

TIMEOUT_S = 5.0


def spark(settings: Settings) -> Iterator[Line]:
    if not settings.spark_rest:
        yield unknown(
            "Spark", "no standalone master is set", "Other clusters: `weir deploy JOB --plan` asks them through Airflow's connection."
        )
        return
    yield rest(settings.spark_rest)
    page = _page(settings.spark_ui)
    if page is None:
        yield unknown("Spark's workers", "the master's page does not answer" if settings.spark_ui else "WEIR_SPARK_UI is not set")
        return
    yield workers(page)
    for job, spec in sorted(sound(*settings.job_folders).items()):
        if spec.cluster == "standalone":
            yield room(job, spec.resources, page)


def rest(addresses: str) -> Line:
    """Ask each master's REST server for its version of the protocol."""
    each = [address.strip() for address in addresses.split(",")]
    answering = [address for address in each if Api(address, TIMEOUT_S).get("/v1/submissions/status/none") is not None]
    if answering:
        return fine("Spark's master", f"answers at {', '.join(answering)}")
    return wrong(
        "Spark's master",
        f"its REST server does not answer at {addresses}",
        "Start it with spark.master.rest.enabled=true, or correct WEIR_SPARK_REST. The embedded stack: weir up",
        NotRunning.code,
    )


def workers(page: Mapping[str, Any]) -> Line:
    alive = _alive(page)
    if not alive:
        return wrong("Spark's workers", "none is alive", "Start a worker. The embedded stack: weir up", NotRunning.code)
    return fine("Spark's workers", f"{len(alive)} alive: {', '.join(_free(worker) for worker in alive)}")


def room(job: str, needs: Resources, page: Mapping[str, Any]) -> Line:
    """Compare what a job needs with what is free, unless its driver runs."""
    check = f"room for {job}"
    if any(_runs(job, each) for each in [*rows(page, "activeapps"), *rows(page, "activedrivers")]):
        return fine(check, "it runs")
    found = resources(needs, masters_page.room(page))
    if found.ok:
        return fine(check, found.text)
    return wrong(check, found.text, "Stop a job, add a worker, or lower `resources` in its job.yaml.")


def _runs(job: str, row: Mapping[str, Any]) -> bool:
    return str(row.get("name", "")).startswith(f"weir:{job}:")


def _alive(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [worker for worker in rows(page, "workers") if worker.get("state") == "ALIVE"]


def _free(worker: Mapping[str, Any]) -> str:
    return f"{worker.get('coresfree')} of {worker.get('cores')} cores and {worker.get('memoryfree')} of {worker.get('memory')} MiB"


def _page(addresses: str) -> Mapping[str, Any] | None:
    """Return the page of the active master; None if there is none."""
    for address in filter(None, addresses.split(",")):
        answer = Api(address.strip(), TIMEOUT_S).get("/json/")
        if answer is not None and answer.body.get("status") == "ALIVE":
            return answer.body
    return None
