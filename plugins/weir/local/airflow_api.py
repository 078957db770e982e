"""A small client of Airflow's REST API: unpause a DAG, run it, wait for the run."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from typing import Any

from weir.errors import NotRunning, StackFailed

POLL_S = 0.3


class AirflowApi:
    """`url` is the api-server's address. Logs in on first use; a token is valid for a day, longer than any `weir up`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._token = ""
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the decoded answer; None for 404. Raises StackFailed for a refusal, NotRunning if there is no
        answer."""
        if not self._token:
            self._token = self._send("POST", "/auth/token", self._login)["access_token"]
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._token}"} if self._token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310  (http, on loopback)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            told = error.read().decode(errors="replace")[:500]
            if error.code >= 500:  # its database is away, or it is starting: this says nothing about the request
                raise NotRunning(f"Airflow could not answer {method} {path}: {error.code} {told}", "See `weir status`.") from error
            raise StackFailed(f"Airflow refused {method} {path}: {error.code} {told}") from error
        except OSError as error:
            raise NotRunning(f"Airflow does not answer at {self._url}: {error}.", "See `weir status`.") from error

    def await_dag(self, dag: str, timeout: float = 90.0) -> None:
        """Wait until the DAG is known, and unpause it. Raises StackFailed with the import errors at the timeout."""
        end = time.monotonic() + timeout
        while (known := self.call("GET", f"/api/v2/dags/{dag}")) is None:
            if time.monotonic() > end:
                raise StackFailed(f"Airflow does not know the DAG {dag} after {timeout:.0f} s.{self._import_errors()}")
            time.sleep(POLL_S)
        if known["is_paused"]:
            self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})

    def _import_errors(self) -> str:
        found = (self.call("GET", "/api/v2/importErrors") or {}).get("import_errors", [])
        return "".join(f"\n    {error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in found)

    def run_dag(self, dag: str, conf: object = None, timeout: float = 300.0) -> str:
        """Run the DAG once, wait, and return the run's id. Raises StackFailed with the task's name if the run fails."""
        started = self.call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf or {}})
        run = str(started["dag_run_id"])
        path = f"/api/v2/dags/{dag}/dagRuns/{urllib.parse.quote(run)}"
        end = time.monotonic() + timeout
        while (state := self._state(path)) not in ("success", "failed"):
            if time.monotonic() > end:
                raise StackFailed(
                    f"The run {run} of {dag} is still {state or 'unknown'} after {timeout:.0f} s.", f"See {self._url}/dags/{dag}"
                )
            time.sleep(POLL_S)
        if state == "failed":
            raise StackFailed(f"The run {run} of {dag} failed{self._failed_tasks(path)}.", f"See {self._url}/dags/{dag}/runs/{run}")
        return run

    def _state(self, path: str) -> str:
        """The state of a run; empty when Airflow could not answer, which says nothing about the run. At a load of 18 on two cores it could
        not once in three starts, since PostgreSQL had ended its transaction after 15 s."""
        with suppress(NotRunning):
            return str(self.call("GET", path)["state"])
        return ""

    def _failed_tasks(self, path: str) -> str:
        tasks = (self.call("GET", f"{path}/taskInstances") or {}).get("task_instances", [])
        failed = [task["task_id"] for task in tasks if task["state"] == "failed"]
        return f" in {', '.join(failed)}" if failed else ""
