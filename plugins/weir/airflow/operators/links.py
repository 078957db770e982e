"""Where a task leads: to the console, to Spark's pages, to what the driver said, to the Data Docs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from weir.airflow.session import opened, settings
from weir.errors import WeirError


class ConsoleLink(BaseOperatorLink):
    """To the page of the task's job, or else of all jobs. Begins at the root of the server where Airflow does not know its own URL."""

    name = "Weir"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        job = getattr(operator, "job", "")
        return f"{base()}/weir/jobs/{job}" if job else f"{base()}/weir/"


class SparkLink(BaseOperatorLink):
    """To the pages of Spark's master; of several, the first. Empty for a cluster that has none."""

    name = "Spark"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return settings().spark_ui.split(",")[0]


class DriverLogLink(BaseOperatorLink):
    """To the log of the job's newest driver, as it was when the task ended; empty if nobody knows."""

    name = "Driver's log"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        with suppress(WeirError), opened() as manager:
            return manager.log_link(operator.job)
        return ""


class DataDocsLink(BaseOperatorLink):
    """To the Data Docs of the job's last validation, as Airflow serves them: browsers follow no `file:` address from a page."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return docs_of(operator.job)


OF_DRIVER = (ConsoleLink(), DriverLogLink(), SparkLink())


def docs_of(job: str) -> str:
    """The address of a job's Data Docs."""
    from weir.counts.quality.pages import address

    return address(base(), job)


def base() -> str:
    """Airflow's own URL; empty where it does not know it."""
    return str(conf.get("api", "base_url", fallback="")).rstrip("/")
