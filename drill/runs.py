"""Run Airflow's DAGs by its REST API, and find the processes of their tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import psutil

from drill.stage import JOB, Stage
from weir.errors import NotRunning, StackFailed
from weir.local import folder, secrets
from weir.local.airflow_api import AirflowApi

VERBS = ("deploy", "restart", "fold", "validate", "recount")
DAGS = (*(f"{JOB}_{verb}" for verb in VERBS), "weir_health", "weir_watch", "weir_alerts")
ENDED = ("success", "failed")
TASK = ("airflow", "worker", "--")  # what the title of a task's process begins with
OVER = (*ENDED, "skipped", "upstream_failed", "removed")
LOOK_S = 1.0  # between two requests to Airflow, which answers more slowly than the quickest tasks run
RUN_S = 600.0  # of a run, with the retry of a task whose worker was lost: Airflow notices after a minute


class Runs:
    """The DAGs of a stage. Waits for an api-server that is away."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._api = AirflowApi(stage.settings.airflow_url, secrets.ADMIN, folder.load(stage.home).secrets["airflow_admin"])

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer, None for 404. Waits while Airflow does not answer."""
        return self._stage.until(lambda: [self._api.call(method, f"/api/v2{path}", body)], f"Airflow answers {method} {path}")[0]

    # runs

    def start(self, dag: str, **conf: object) -> str:
        """Start a run, also of a DAG that Airflow has yet to read again. Return its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._stage.until(lambda: self.call("POST", f"/dags/{dag}/dagRuns", body), f"{dag} is known")["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        return str((self.call("GET", _run(dag, run)) or {}).get("state"))

    def end(self, dag: str, run: str) -> str:
        """Wait until a run has ended. Return its state."""
        self._stage.until(lambda: self.state(dag, run) in ENDED, f"{dag} {run} ends", RUN_S)
        return self.state(dag, run)

    def newest(self, dag: str) -> str:
        """Wait until the newest run of a DAG has ended. Return its state."""
        self._stage.until(lambda: self._newest(dag) in ENDED, f"the newest run of {dag} ends", RUN_S)
        return self._newest(dag)

    def _newest(self, dag: str) -> str:
        found: Sequence[Mapping[str, Any]] = self.call("GET", f"/dags/{dag}/dagRuns?order_by=-run_after&limit=1")["dag_runs"]
        return str(found[0]["state"]) if found else ""

    def succeed(self, dag: str, run: str) -> None:
        """Wait until a run has ended. Raises NotRunning with the failed tasks."""
        if self.end(dag, run) != "success":
            failed = [task["task_id"] for task in self.tasks(dag, run) if task["state"] == "failed"]
            raise NotRunning(f"The run {run} of {dag} failed in {', '.join(failed)}.", f"Its logs are in {self._stage.home}/airflow/logs.")

    def prove(self) -> None:
        """Check that Airflow works: a run of the deploy DAG must succeed."""
        self.succeed(f"{JOB}_deploy", self.start(f"{JOB}_deploy"))

    # tasks

    def tasks(self, dag: str, run: str) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = (self.call("GET", f"{_run(dag, run)}/taskInstances") or {}).get("task_instances", [])
        return found

    def task(self, dag: str, run: str, name: str) -> Mapping[str, Any]:
        """Return the first task of a name; empty if there is none."""
        return next((task for task in self.tasks(dag, run) if task["task_id"] == name), {})

    def await_task(self, dag: str, run: str, name: str, states: Sequence[str]) -> Mapping[str, Any]:
        """Wait until a task is in one of these states. Return it."""

        def seen() -> Mapping[str, Any]:
            task = self.task(dag, run, name)
            return task if task.get("state") in states else {}

        return self._stage.until(seen, f"{name} of {dag} {run} is {' or '.join(states)}", RUN_S)

    def clear(self, dag: str, run: str, *names: str) -> None:
        body = {"dry_run": False, "dag_run_id": run, "task_ids": names, "only_failed": False}
        self.call("POST", f"/dags/{dag}/clearTaskInstances", body)

    def mark(self, dag: str, run: str, name: str, state: str) -> None:
        """Mark a task. Airflow refuses if it is in that state already, which is fine."""
        with suppress(_Conflict):
            self._accepted("PATCH", f"{_run(dag, run)}/taskInstances/{name}", {"new_state": state})

    def process(self, dag: str, run: str, name: str) -> psutil.Process | None:
        """Return the process of a task as soon as it runs; None if the run ended before it was seen."""
        while self.state(dag, run) not in ENDED:
            ids = {task["id"] for task in self.tasks(dag, run) if task["task_id"] == name and task["state"] not in OVER}
            if found := _soon(ids):
                return found
        return None

    def at_work(self, dag: str, name: str) -> psutil.Process | None:
        """Return the process of a task of any run, if it has one now or soon."""
        states = "&".join(f"state={state}" for state in ("scheduled", "queued", "running"))
        found = (self.call("GET", f"{_run(dag, '~')}/taskInstances?{states}") or {}).get("task_instances", [])
        return _soon({task["id"] for task in found if task["task_id"] == name})

    # DAGs

    def pause(self, dags: Sequence[str], paused: bool = True) -> None:
        for dag in dags:
            self.call("PATCH", f"/dags/{dag}", {"is_paused": paused})

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Within the block the watch is off. Airflow ends its trigger when it reads the paused DAG again, which takes up to a minute."""
        self.pause(["weir_watch"])
        try:
            self._stage.until(lambda: not self._watched(), "the watch is off")
            yield
        finally:
            self.pause(["weir_watch"], False)
        self._stage.until(self._watched, "the watch is on again")

    def _watched(self) -> bool:
        return any(asset["watchers"] for asset in self.call("GET", "/assets?name_pattern=weir_trouble")["assets"])

    def known(self, dag: str) -> bool:
        found = self.call("GET", f"/dags/{dag}")
        return bool(found) and not found["is_stale"]

    def delete(self, dag: str) -> None:
        """Delete a DAG as soon as none of its tasks runs; before that Airflow refuses."""

        def deleted() -> bool:
            with suppress(_Conflict):
                self._accepted("DELETE", f"/dags/{dag}")
                return True
            return False

        self._stage.until(deleted, f"{dag} is deleted")

    def _accepted(self, method: str, path: str, body: object = None) -> None:
        """Send a request. Raises _Conflict if Airflow refuses it now."""
        try:
            self.call(method, path, body)
        except StackFailed as refused:
            if "409" in refused.what:
                raise _Conflict from refused
            raise


class _Conflict(Exception):
    """Airflow answered 409."""


def _run(dag: str, run: str) -> str:
    return f"/dags/{dag}/dagRuns/{quote(run)}"


def _soon(ids: set[str]) -> psutil.Process | None:
    """Return the first process of one of these tasks that is seen within LOOK_S."""
    end = time.monotonic() + LOOK_S
    while ids and time.monotonic() < end:
        if found := _processes(ids):
            return found[0]
        time.sleep(0.02)
    return None


def _processes(ids: set[str]) -> list[psutil.Process]:
    """Return the processes of the tasks with these unique ids. The parent worker has the id in its title as well, but cut off where its own
    command line was shorter."""
    return [process for process in psutil.process_iter() if _title(process) in [[*TASK, each] for each in ids]]


def _title(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return " ".join(process.cmdline()).split()
    return []
