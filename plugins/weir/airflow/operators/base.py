"""What all tasks of Weir have in common: they are short, may be repeated, and fail with a sentence."""

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

    There is no `on_kill`, on purpose: a killed, cleared or timed out task must not touch a driver, and a retry finds what is already so.
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
    """Fail at once, with the sentence, on what no retry can mend."""
    try:
        yield
    except (BadInput, DataLoss, Diverged, NotKept, NotProven, Refused) as error:
        raise AirflowFailException(str(error)) from error


def who(context: Context) -> str:
    """Who is behind this run, for the job's timeline."""
    user = getattr(context["dag_run"], "triggering_user_name", None)
    return f"{user} (Airflow)" if user else "Airflow"


def form(context: Context, field: str) -> Any:
    """What the form of the DAG, or the run's conf, says of a field; None for nothing."""
    value = context["params"].get(field)
    return value if value != "" else None
