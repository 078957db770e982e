"""From a healthy stack to the first counts: topic, schema, deploy, sample, count. Each step is one function and safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from weir.errors import StackFailed
from weir.local import cassandra, kafka, logs, rehearse, secrets, spark
from weir.local.airflow_api import AirflowApi
from weir.local.part import Stack, late
from weir.local.process import last_lines
from weir.local.report import Reporter
from weir.settings import Settings, carried

JOB = "error_counts"
DEPLOY_DAG = "error_counts_deploy"
SAMPLE = carried("samples") / "sample.log"
SERVICE = "sample"
COUNT_S = 240.0  # 88 s were seen at a load of 15 on two cores, nearly all of it the start of the driver


def ready_hooks(stack: Stack, settings: Settings) -> dict[str, Callable[[], object]]:
    """Return what to run as soon as a part is up, while others still start: Airflow's first ticks need the schema."""
    return {
        "kafka": lambda: kafka.open_to_clients(stack),
        "cassandra": lambda: cassandra.open_to_clients(stack, settings),
    }


def bring_up(stack: Stack, settings: Settings, reporter: Reporter) -> None:
    """Bring healthy servers to the first counts. Raises WeirError from the step that fails."""
    with reporter.step(f"deploy {JOB} through Airflow"):
        deploy(stack, settings)
    with reporter.step("sample log counted"):
        feed(stack, settings)
        await_landed(settings)
    rehearse.begin(stack, spark.spark_home(), JOB)


def has_job(settings: Settings) -> bool:
    """Return whether this stack has the job that counts the sample."""
    return JOB in late("weir.jobs.folders", "sound")(*settings.job_folders)


def deploy(stack: Stack, settings: Settings) -> None:
    """Run the deploy DAG. A job that already runs with this spec is left alone."""
    api = AirflowApi(settings.airflow_url, secrets.ADMIN, stack.secrets["airflow_admin"])
    api.await_dag(DEPLOY_DAG)
    try:
        api.run_dag(DEPLOY_DAG)
    except StackFailed as failed:
        raise StackFailed(f"{failed.what}\n{_evidence(stack)}", "Fix the cause and run `weir up` again.") from failed


def _evidence(stack: Stack) -> str:
    """Return why a deploy failed, from the logs of task and driver, with their paths."""
    task = logs.of_dag(stack.home, DEPLOY_DAG)
    told = [f"{logs.task_errors(task)}\nThe task's log: {task}"] if task else []
    return "\n".join([*told, *(f"{last_lines(log, 10)}\nThe driver's log: {log}" for log in logs.of_driver(stack.home, JOB))])


def feed(stack: Stack, settings: Settings) -> None:
    """Send the sample log, once for each state folder."""
    if not fed(stack.home).exists():
        lines = late("weir.ingest", "ingest_file")(SAMPLE, SERVICE, settings)
        fed(stack.home).write_text(f"{lines}\n")


def await_landed(settings: Settings) -> None:
    """Wait until everything in the topic has landed. Raises StackFailed after COUNT_S seconds."""
    if not late("weir.factory", "manager")(settings).wait_landed(JOB, COUNT_S):
        raise StackFailed(
            f"{JOB} runs, but its counts are not in Cassandra after {COUNT_S:.0f} s.",
            f"See `weir health {JOB}` and `weir logs driver:{JOB}`.",
        )


def fed(home: Path) -> Path:
    """Return the marker file that exists once the sample was acknowledged; it has the number of lines."""
    return home / "sample-fed"


def first_counts(settings: Settings) -> list[dict[str, Any]]:
    """Return the sample's lines by level, as `weir counts` does."""
    with closing(late("weir.factory", "store")(settings)) as store:
        found: list[dict[str, Any]] = late("weir.counts.query", "sample_counts")(store, SERVICE)
    return found
