"""Find the page that a DAG of Weir belongs to. Pure."""

from __future__ import annotations

from urllib.parse import quote

VERBS = ("deploy", "fold", "recount", "restart", "validate")  # of the DAGs `<job>_<verb>`
OF_ALL_JOBS = ("weir_alerts", "weir_health", "weir_watch")


def page_of(dag_id: str) -> str | None:
    """Return the page's address below the console's root; None if the DAG's name is not one of Weir's."""
    if dag_id in OF_ALL_JOBS:
        return ""
    job, _, verb = dag_id.rpartition("_")
    return f"jobs/{quote(job, safe='')}" if job and verb in VERBS else None
