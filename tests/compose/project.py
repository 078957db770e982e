"""The project under test, by what a user has: Compose, the published ports, and Weir's commands in a container."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.compose.docker import CommandFailed, Compose

JOB = "error_counts"
ONE_SHOT = ("init", "set-up", "airflow-set-up")
T = TypeVar("T")


def until(question: Callable[[], T | None], what: str, within_s: float = 240.0) -> T:
    """Return the first true answer. Raises CommandFailed with the last error or answer at the timeout."""
    deadline, last = time.monotonic() + within_s, "no answer"
    while time.monotonic() < deadline:
        try:
            if found := question():
                return found
            last = repr(found)
        except (CommandFailed, OSError, ValueError, KeyError, IndexError) as error:
            last = str(error)
        time.sleep(1)
    raise CommandFailed(f"not within {within_s:.0f} s: {what} ({last[-1500:]})")


@dataclass(frozen=True)
class Project:
    compose: Compose
    ports: Mapping[str, int]

    def state(self, container: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.compose.docker.inspect(container)["State"]
        return found

    def ill(self, services: Iterable[str] = ()) -> list[str]:
        """Return the containers that are not as they should be, each with why."""
        chosen = [one for service in services for one in self.compose.containers(service)] if services else self.compose.containers()
        found = []
        for container in chosen:
            about = self.compose.docker.inspect(container)
            service, state = about["Config"]["Labels"]["com.docker.compose.service"], about["State"]
            health = state.get("Health", {}).get("Status", "healthy")
            ended = state["Status"] == "exited" and state["ExitCode"] == 0
            well = ended if service in ONE_SHOT else health == "healthy" and state["Running"]
            found += [] if well else [f"{service} {state['Status']} {health}"]
        return found

    def await_well(self, within_s: float = 420.0) -> None:
        ask: Callable[[], bool] = lambda: not self.ill() or _raise(", ".join(self.ill()))  # noqa: E731
        until(ask, "every container is healthy", within_s)

    def ask(self, *command: str, at: str = "weir-serve") -> Any:
        """Run a command of Weir in a container that runs already, and return its JSON."""
        return json.loads(self.compose("exec", "-T", at, "weir", *command, "--format", "json", within_s=90))

    def landed(self, at: str = "weir-serve") -> Mapping[str, Any]:
        """Return the newest landed batch."""
        rows = self.ask("ledger", JOB, "--last", "3", at=at)
        found: Mapping[str, Any] = next(row for row in rows if row["state"] == "landed")
        return found

    def moves_on(
        self, before: Mapping[str, Any], at: str = "weir-serve", within_s: float = 300.0, meanwhile: Callable[[], object] = int
    ) -> Mapping[str, Any]:
        """Wait until a batch after `before` has landed. Calls `meanwhile` before each look."""

        def further() -> Mapping[str, Any] | None:
            meanwhile()
            now = self.landed(at)
            return now if (now["epoch"], now["batch_id"]) > (before["epoch"], before["batch_id"]) else None

        return until(further, f"a batch after {before['batch_id']} has landed", within_s)

    def kill(self, container: str) -> str:
        """Kill a container's process as a crash would, and return when it had started. `docker kill` counts as a stop by hand, after
        which Docker does not restart it."""
        state = self.state(container)
        os.kill(state["Pid"], signal.SIGKILL)
        return str(state["StartedAt"])

    def await_restarted(self, container: str, started: str, within_s: float = 240.0) -> None:
        def restarted() -> bool:
            state = self.state(container)
            again = state["Running"] and state["StartedAt"] != started
            return bool(again) and state.get("Health", {}).get("Status", "healthy") == "healthy"

        until(restarted, "Docker has restarted the container, and it is healthy", within_s)

    def counted(self, service: str = "") -> dict[str, int]:
        """Return a service's lines by level; without one, those of all services together."""
        of = ("--service", service) if service else ()
        rows = self.ask("counts", "--window", "1d", "--by", "service,level", "--levels", "all", *of, "--all")
        found: dict[str, int] = {}
        for row in rows:
            found[row["level"]] = found.get(row["level"], 0) + row["n"]
        return found

    def recount(self) -> Mapping[str, Any]:
        """Count every line again by other code. Raises CommandFailed if a line is missing or doubled."""
        found: Mapping[str, Any] = json.loads(self.compose.weir("recount", JOB, "--since", "2000-01-01T00:00:00Z", within_s=600))
        return found

    def get(self, port: str, path: str, token: str = "", body: object = None) -> Any:
        """Send a request to a published port, and return the JSON or the text that it answers. Raises OSError."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[port]}{path}", data, headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            text = answer.read().decode()
        try:
            return json.loads(text)
        except ValueError:
            return text


def _raise(text: str) -> bool:
    raise ValueError(text)
