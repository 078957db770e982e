"""Airflow: api-server, scheduler, dag-processor and triggerer as separate processes, so that each is restarted alone.

Not `airflow standalone`: its log servers bind to every interface, and it forks 32 workers.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from weir.files import write_private
from weir.local import postgres, postgres_access, secrets
from weir.local.part import LOOPBACK, Part, Stack, get, get_json, told
from weir.local.process import run
from weir.settings import PROJECT, carried

DAGS = "WEIR_DAGS"  # a folder of DAGs instead of the project's
OTLP = (
    "OTEL_EXPORTER_OTLP_ENDPOINT"  # OpenTelemetry's variable with the collector's address: if it is set, Airflow sends metrics and traces
)
TRACES = "OTEL_TRACES_EXPORTER"
# nice: without it a scheduler's tasks took a quarter of the machine from a starting driver. First batch 19.3 s after a kill (median of 8,
# at most 26.6 s); with it 17.8 s (at most 20.8 s), alternating in one run.
BOOKKEEPING = 10
KEEP = timedelta(days=3)  # task logs and rows of the metadata database
COMPONENTS = {
    # name: (arguments, its key in the health answer)
    "api-server": (("api-server",), "metadatabase"),
    # --skip-serve-logs: the log server binds to every interface, and on one machine the api-server reads the files.
    "scheduler": (("scheduler", "--skip-serve-logs"), "scheduler"),
    "dag-processor": (("dag-processor",), "dag_processor"),
    "triggerer": (("triggerer", "--skip-serve-logs"), "triggerer"),
}
_migrating = threading.Lock()


def parts(stack: Stack) -> list[Part]:
    return [_part(stack, name) for name in COMPONENTS]


def url(stack: Stack) -> str:
    return f"http://{stack.address('airflow')}"


def _part(stack: Stack, name: str) -> Part:
    arguments, key = COMPONENTS[name]
    return Part(
        name=f"airflow-{name}",
        address=stack.address("airflow") if name == "api-server" else "",
        command=(sys.executable, "-m", "airflow", *arguments),
        env=env(stack),
        log=stack.log(f"airflow-{name}"),
        probe=told(lambda: _warm(stack) if name == "api-server" else _probe(stack, key)),
        prepare=lambda: _prepare(stack),
        after=("postgres",),
        ready_s=240,
        stop_s=15,
        cwd=stack.folder("airflow"),
        nice=0 if name == "triggerer" else BOOKKEEPING,  # the watch runs in the triggerer
    )


def env(stack: Stack) -> dict[str, str]:
    """Return the environment of each Airflow process: settings, shared secrets, the project's DAGs and plugins."""
    settings = {f"AIRFLOW__{name}": str(value) for name, value in _settings(stack).items()}
    return stack.env(
        AIRFLOW_HOME=str(stack.folder("airflow")),
        AIRFLOW_CONN_SPARK_DEFAULT=_spark_connection(stack),
        GX_ANALYTICS_ENABLED="False",
        **_telemetry(),
        **postgres_access.client_env(stack),
        **settings,
    )


def _telemetry() -> dict[str, str]:
    """Send traces over HTTP like metrics, unless set otherwise: OpenTelemetry's default for traces is gRPC at the same address."""
    return {TRACES: os.environ.get(TRACES, "otlp_proto_http")} if os.environ.get(OTLP) else {}


def _settings(stack: Stack) -> dict[str, object]:
    return {
        "DATABASE__SQL_ALCHEMY_CONN": postgres.url(stack),
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 4,  # so many workers are forked at the start, 140 MB each
        "CORE__LOAD_EXAMPLES": False,
        "CORE__DAGS_FOLDER": os.environ.get(DAGS) or carried("dags"),
        "CORE__PLUGINS_FOLDER": PROJECT / "plugins",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "CORE__FERNET_KEY": stack.secrets["airflow_fernet"],
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{secrets.ADMIN}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _passwords(stack),
        # localhost may resolve to ::1, where nothing listens.
        "CORE__EXECUTION_API_SERVER_URL": f"{url(stack)}/execution/",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": 2,
        "API__HOST": LOOPBACK,
        "API__PORT": stack.ports["airflow"],
        "API__BASE_URL": url(stack),
        "API__WORKERS": 1,
        "API__SECRET_KEY": stack.secrets["airflow_api"],
        "API_AUTH__JWT_SECRET": stack.secrets["airflow_jwt"],
        # 0.1 costs 12 % of a core all the time, 1 delays each task by a second; this is between them.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.25,
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 1,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,  # lower, and an api-server that restarts fails running tasks
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 5,
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 15,
        # At the default of 5 s a trigger that fires soon after defer() fails its task one time in four.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 5,
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": 1,
        # Changed files are noticed at once by their date, so this is for new jobs only; at 15 s it cost a sixth of a core all the time.
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 60,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        # A killed triggerer's triggers are taken over after 4 s instead of 29 s.
        "TRIGGERER__JOB_HEARTBEAT_SEC": 1,
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": 8,
        "LOGGING__LOGGING_LEVEL": "WARNING",
        # Airflow operators log to the task's log; the database drivers' own warnings are left out
        "LOGGING__NAMESPACE_LEVELS": "airflow.task=INFO weir=INFO cassandra=ERROR py.warnings=ERROR",
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": stack.folder("airflow/logs/dag_processor"),
        "USAGE_DATA_COLLECTION__ENABLED": False,
        "METRICS__OTEL_ON": bool(os.environ.get(OTLP)),
        "TRACES__OTEL_ON": bool(os.environ.get(OTLP)),
    }


def _spark_connection(stack: Stack) -> str:
    extra = {"deploy-mode": "cluster", "rest-port": stack.ports["spark_rest"], "ui-port": stack.ports["spark_master_ui"]}
    return json.dumps({
        "conn_type": "spark", "host": f"spark://{LOOPBACK}", "port": stack.ports["spark_master"], "extra": extra,
    })  # fmt: skip


def _passwords(stack: Stack) -> Path:
    return stack.home / "airflow" / "passwords.json"


def _prepare(stack: Stack) -> None:
    """Create database and login once. The four processes start at the same time, so the first does it and the others wait."""
    with _migrating:
        write_private(_passwords(stack), json.dumps({secrets.ADMIN: stack.secrets["airflow_admin"]}))
        version = importlib.metadata.version("apache-airflow-core")
        done = stack.folder("airflow") / "migrated"
        if done.exists() and done.read_text() == version:
            return
        postgres.create_database(stack)
        migrate = (sys.executable, "-m", "airflow", "db", "migrate")
        run(migrate, stack.log("airflow-migrate"), env(stack), stack.folder("airflow"), timeout=180)
        done.write_text(version)
        _pruned(stack).touch()


def _probe(stack: Stack, key: str) -> str:
    status = get_json(f"{url(stack)}/api/v2/monitor/health")[key]["status"]
    return "" if status == "healthy" else f"Airflow says {status or 'it has not been seen'}"


def _warm(stack: Stack) -> str:
    """Probe, and warm up the execution API: its first answer takes 2.5 to 14 s, which would delay a task's first call."""
    reason = _probe(stack, "metadatabase")
    if not reason:
        get(f"{url(stack)}/execution/health/ping", timeout=30)
    return reason


def prune(stack: Stack, now: datetime | None = None) -> None:
    """Remove task logs and metadata rows older than KEEP. Raises StackFailed if `airflow db clean` fails."""
    _pruned(stack).touch()  # first: a clean that fails is tried again tomorrow, not every 30 s
    limit = (now or datetime.now(UTC)) - KEEP
    remove_old_logs(stack.folder("airflow/logs"), limit)
    run(clean_command(limit), stack.log("airflow-clean"), env(stack), stack.folder("airflow"), timeout=600)


def remove_old_logs(logs: Path, limit: datetime) -> None:
    """Remove the logs of tasks and of the DAG processor that are older than the limit."""
    for old in [*logs.glob("dag_id=*/run_id=*"), *logs.glob("dag_processor/*")]:
        if old.is_dir() and old.stat().st_mtime < limit.timestamp():
            shutil.rmtree(old, ignore_errors=True)


def clean_command(limit: datetime) -> tuple[str, ...]:
    """Return the command that removes the rows of Airflow's database from before the limit."""
    return (sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", limit.isoformat(), "--skip-archive", "--yes")


def last_pruned(stack: Stack) -> float:
    """Return the time of the last pruning in s since 1970. It is kept in a file, since a laptop that is shut down daily must be pruned,
    too."""
    return _pruned(stack).stat().st_mtime if _pruned(stack).exists() else 0.0


def _pruned(stack: Stack) -> Path:
    return stack.folder("airflow") / "pruned"
