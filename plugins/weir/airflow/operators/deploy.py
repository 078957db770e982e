"""Deploy and restart: what changes which driver runs. Neither waits for the stream; ReadyOperator does."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException

from weir.airflow.operators.base import JobOperator, final, form, who
from weir.airflow.operators.links import OF_DRIVER
from weir.airflow.session import opened
from weir.errors import Conflict

if TYPE_CHECKING:
    from weir.supervise.manager import ActionResult, Manager


class DeployOperator(JobOperator):
    """Ensures that the job runs with its present spec and code; running so already means no change.

    Reads `reason`, `force` and `to` of the form; with `force` the driver is replaced even if nothing changed, and `to` names a kept version
    to go back to. What the deploy does is logged first, and is its XCom `plan`; what cannot be done is refused before anything stops.
    """

    operator_extra_links = OF_DRIVER

    def execute(self, context: Context) -> dict[str, Any]:
        reason = form(context, "reason") or f"run {context['dag_run'].run_id}"
        with opened() as manager, final():
            plan = manager.plan(self.job, form(context, "to") or "")
            lines = list(plan.lines())
            self.log.info("\n".join(lines))
            context["ti"].xcom_push(key="plan", value=lines)
            action = manager.deploy(self.job, who(context), reason, plan)
            if form(context, "force") and not action.changed:
                action = manager.restart(self.job, action.attempt, who(context), f"forced: {reason}")
        return told(self, action)


class RestartOperator(JobOperator):
    """Takes over with a new attempt.

    Automation names the `attempt` that it judged and is held to it: if another one has taken over since, or nothing is wrong any more,
    the task is skipped with a sentence. A person needs no attempt, and is not held to backoff and budget; with `accept_loss` and a reason,
    what the broker no longer has is given up.
    """

    operator_extra_links = OF_DRIVER

    def execute(self, context: Context) -> dict[str, Any]:
        judged, said = form(context, "attempt"), form(context, "reason") or ""
        reason = said or f"run {context['dag_run'].run_id}"
        with opened() as manager, final():
            try:
                if form(context, "by"):
                    return told(self, by_verdict(manager, self.job, judged))
                if form(context, "accept_loss"):
                    return told(self, manager.accept_loss(self.job, judged, who(context), said))
                return told(self, manager.restart(self.job, judged, who(context), reason))
            except Conflict as moved_on:
                self.log.info(str(moved_on))
                raise AirflowSkipException(str(moved_on)) from moved_on


def by_verdict(manager: Manager, job: str, judged: int | None) -> ActionResult:
    """What a fresh verdict calls for, if it is still about the attempt that was judged. Raises Conflict if not."""
    report = manager.health(job)
    if judged is not None and report.attempt != judged:
        raise Conflict(f"Attempt {judged} of {job} has already been replaced by attempt {report.attempt}.", report.sentence)
    action = manager.act(report)
    if action is None:
        raise Conflict(f"{job} is {report.verdict}: no action is needed now.", report.sentence)
    return action


def told(task: JobOperator, action: ActionResult) -> dict[str, Any]:
    """The action as a sentence in the log and as a plain value for XCom."""
    task.log.info(action.sentence)
    return asdict(action)
