"""One tick for the fleet: check all jobs at once. Only an unhealthy job becomes a task of its own."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperatorLink
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.utils.helpers import build_airflow_dagrun_url

from weir.airflow.operators.assets import LANDED, landed
from weir.airflow.operators.base import WeirOperator
from weir.airflow.operators.links import OF_DRIVER, ConsoleLink
from weir.airflow.session import opened
from weir.supervise.judge.report import TROUBLE, UNKNOWN_MS

if TYPE_CHECKING:
    from weir.supervise.judge.report import Report

# The jobs that one tick shows in full and turns into tasks. Airflow maps at most 1,024 tasks, each with a run of about a second of a core,
# and the reports of a thousand jobs would be 1 MB in its database every 30 s. Other unhealthy jobs follow at the next tick.
MOST = 100


class TickOperator(WeirOperator):
    """Judges every job. Logs a sentence for each. Its XCom `reports` has at most MOST reports, unhealthy jobs first, and the number of each
    verdict. Emits asset events for jobs that landed since the last tick. Returns the unhealthy jobs."""

    operator_extra_links = (ConsoleLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[LANDED], **kwargs)

    def execute(self, context: Context) -> list[dict[str, Any]]:
        with opened() as manager:
            reports = sorted(manager.tick(), key=urgency)
        self.log.info("%d jobs: %s", len(reports), dict(Counter(str(r.verdict) for r in reports)))
        for report in reports[:MOST]:
            self.log.info("%s. %s", report.sentence, f"Next: {report.next_step}" if report.next_step else "")
        context["ti"].xcom_push(key="reports", value={r.job: plain(r) for r in reports[:MOST]})
        last = context.get("prev_start_date_success")
        since = last.timestamp() * 1000 if last else 0.0
        for report in reports:
            if moved(report, since):
                told: dict[str, Any] = {name: report.evidence.get(name) for name in ("epoch", "batch_id", "attempt", "landed_at", "lag")}
                context["outlet_events"][LANDED].add(landed(report.job), extra=told)
        return [plain(r) for r in reports[:MOST] if in_trouble(r)]


def moved(report: Report, since: float) -> bool:
    """Return whether the job has landed a batch since then (ms)."""
    at = report.evidence.get("landed_at")
    return isinstance(at, int) and at > since


def plain(report: Report) -> dict[str, Any]:
    """Return the report as JSON values, which all XCom backends can store."""
    return dict(json.loads(report.to_json()))


def urgency(report: Report) -> tuple[int, int]:
    """Sort key: first jobs that Weir will act on, by time; then jobs that need an operator, newest first; then all others."""
    return (0, report.not_before) if report.act != "none" else (1 if in_trouble(report) else 2, -report.since)


def in_trouble(report: Report) -> bool:
    """Return whether Weir or an operator must act, now or after a pause. A job that is unknown for long is an alert, never a restart."""
    unknown = report.verdict == "unknown" and report.at - report.since > UNKNOWN_MS
    return report.act != "none" or report.verdict in TROUBLE or unknown


class RestartRunLink(BaseOperatorLink):
    """A link to the restart run."""

    name = "Restart run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        run = operator.trigger_run_id
        return str(build_airflow_dagrun_url(operator.trigger_dag_id, run)) if run else ""


class RestartRunOperator(TriggerDagRunOperator):
    """Starts a run of a job's restart DAG once: the run's id names the reason, so that a repeated task starts no second run."""

    template_fields = ()  # reasons quote drivers' errors, which must not be rendered as templates
    operator_extra_links: list[BaseOperatorLink] = [RestartRunLink(), ConsoleLink()]  # noqa: RUF012 - as its base class has it

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        named: dict[str, Any] = {"trigger_dag_id": f"{job}_restart", "logical_date": None, "skip_when_already_exists": True}
        super().__init__(**named, **kwargs)
        self.job = job


class TroubleOperator(RestartRunOperator):
    """An unhealthy job: starts its restart DAG for the judged attempt, or fails with a message for the operator."""

    operator_extra_links: list[BaseOperatorLink] = [RestartRunLink(), *OF_DRIVER]  # noqa: RUF012 - as its base class has it

    def __init__(self, *, report: dict[str, Any], **kwargs: Any) -> None:
        conf = {"attempt": report["attempt"], "by": "health", "reason": report["sentence"]}
        super().__init__(job=report["job"], conf=conf, **kwargs)
        self.report = report

    def execute(self, context: Context) -> None:
        report = self.report
        if report["act"] == "none":
            raise AirflowFailException(f"{report['sentence']}. Next: {report['next_step']}. Evidence: {report['evidence']}")
        wait_s = report["not_before"] / 1000 - time.time()
        if wait_s > 0:
            self.log.info("%s. It is restarted in %.0f s at the earliest.", report["sentence"], wait_s)
            raise AirflowSkipException(f"{report['sentence']}. It is restarted in {wait_s:.0f} s at the earliest.")
        self.trigger_run_id = f"attempt_{report['attempt']}__{context['run_id']}"
        super().execute(context)


class ShowOperator(RestartRunOperator):
    """Shows a restart by the watch as a run of the restart DAG, named after the attempt that took over."""

    def __init__(self, *, acted: dict[str, Any], **kwargs: Any) -> None:
        conf = {"attempt": acted["judged"], "by": "watch", "reason": acted["reason"]}
        run_id = f"attempt_{acted['attempt']}__watch"
        super().__init__(job=acted["job"], conf=conf, trigger_run_id=run_id, **kwargs)


class RecordOperator(WeirOperator):
    """Shows what the watch has done, from the events that started this run."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        events = [event for found in context["triggering_asset_events"].values() for event in found]
        acted = [one for event in events for one in (event.extra or {}).get("payload") or []]
        for one in acted:
            self.log.warning("%s. %s", one["reason"], one["sentence"])
        return acted[-MOST:]  # the jobs that get a run of their own; everything is in the jobs' timelines
