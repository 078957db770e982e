"""Wait in the triggerer until a job is ready, so that no worker is occupied."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from weir.airflow.operators.base import JobOperator, final
from weir.airflow.operators.links import OF_DRIVER
from weir.airflow.session import opened
from weir.airflow.triggers.ready import ReadyTrigger, look

GRACE = timedelta(seconds=30)  # the trigger reports its own deadline; Airflow's timeout is only a backstop


class ReadyOperator(JobOperator):
    """Succeeds when the job's current attempt is ready: it has landed a batch, or has polled and has no lag.

    If another attempt takes over meanwhile, it waits for that one. Fails with the cause if the driver ends, or after `within` seconds. With
    `roll_back`, a version that has never been ready and fails by its own error is rolled back before the task fails.
    """

    operator_extra_links = OF_DRIVER

    def __init__(self, *, within: float, roll_back: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.within, self.roll_back = within, roll_back

    def execute(self, context: Context) -> dict[str, Any]:
        with opened() as manager, final():
            answer = look(manager, self.job, None, self.roll_back)
        if not answer.waiting:
            return self.resume(context, asdict(answer))
        self.log.info(answer.sentence)
        trigger = ReadyTrigger(job=self.job, deadline=time.time() + self.within, roll_back=self.roll_back)
        self.defer(trigger=trigger, method_name="resume", timeout=timedelta(seconds=self.within) + GRACE)

    def resume(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Succeed, or fail with the trigger's reason. Where Airflow does not let a trigger end a task (`dag.test()`), only a state
        arrives."""
        if not isinstance(event, dict):
            event = {"ready": str(event).lower().endswith("success"), "sentence": f"{self.job}: {event}"}
        if not event["ready"]:
            raise AirflowFailException(event["sentence"] + self._taken_back(bool(event.get("late"))))
        self.log.info(event["sentence"])
        return dict(event)

    def _taken_back(self, late: bool) -> str:
        """Roll back if needed, and return that as a sentence; empty if nothing was done."""
        if not self.roll_back:
            return ""
        with opened() as manager, final():
            action = manager.roll_back(self.job, late)
            told = action.sentence if action else manager.taken_back(self.job)  # the watch may have done it first
        return f" {told}" if told else ""
