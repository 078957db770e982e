"""Links of a task: console, Spark's pages, driver's log, Data Docs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from weir.airflow.session import opened, settings
from weir.errors import WeirError


class ConsoleLink(BaseOperatorLink):
    """The page of the task's job, or of all jobs. The link begins at the server's root if Airflow does not know its own URL."""

    name = "Weir"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        job = getattr(operator, "job", "")
        return f"{base()}/weir/jobs/{job}" if job else f"{base()}/weir/"


class SparkLink(BaseOperatorLink):
    """The pages of Spark's (first) master. Empty for other clusters."""

    name = "Spark"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return settings().spark_ui.split(",")[0]


class DriverLogLink(BaseOperatorLink):
    """The log of the job's newest driver at the end of the task; empty if unknown."""

    name = "Driver's log"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        with suppress(WeirError), opened() as manager:
            return manager.log_link(operator.job)
        return ""


class DataDocsLink(BaseOperatorLink):
    """The Data Docs of the job's last validation, as Airflow serves them: browsers do not follow `file:` links from a page."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return docs_of(operator.job)


OF_DRIVER = (ConsoleLink(), DriverLogLink(), SparkLink())


def docs_of(job: str) -> str:
    """Return the address of a job's Data Docs."""
    from weir.counts.quality.pages import address

    return address(base(), job)


def base() -> str:
    """Return Airflow's own URL; empty if it does not know it."""
    return str(conf.get("api", "base_url", fallback="")).rstrip("/")
