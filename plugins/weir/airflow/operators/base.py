"""The base of all tasks of Weir: they are short, may be repeated, and fail with a clear message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from weir.errors import BadInput, DataLoss, Diverged, NotKept, NotProven, Refused


class WeirOperator(BaseOperator):
    """One call to the manager.

    There is no `on_kill`, on purpose: a killed, cleared or timed out task must not touch a driver, and a retry finds what was already done.
    """

    ui_color = "#d7e8f4"


class JobOperator(WeirOperator):
    """One call to the manager about one job."""

    template_fields: Sequence[str] = ("job",)

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job


@contextmanager
def final() -> Iterator[None]:
    """Fail at once, without retries, on errors that no retry can fix."""
    try:
        yield
    except (BadInput, DataLoss, Diverged, NotKept, NotProven, Refused) as error:
        raise AirflowFailException(str(error)) from error


def who(context: Context) -> str:
    """Return who started this run, for the job's timeline."""
    user = getattr(context["dag_run"], "triggering_user_name", None)
    return f"{user} (Airflow)" if user else "Airflow"


def form(context: Context, field: str) -> Any:
    """Return the value of a field in the DAG's form or the run's conf; None if it is not set."""
    value = context["params"].get(field)
    return value if value != "" else None
