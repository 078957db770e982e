"""The service over streams in memory, with the tokens of an editor and a reader."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Mount

from spark_jobs.counts.cells import RejectedLine
from tests.unit.metrics.world import World
from weir.api.access import Access
from weir.api.ask import Ask
from weir.api.limits import Buckets
from weir.api.serve import alone
from weir.api.tokens import StaticTokens, issue
from weir.supervise.manager import Manager
from weir.testing import Clock

T = TypeVar("T")
JOB = "error_counts"
BASE = "/api/v1"


class Service:
    """`error_counts` has landed lines, `idle` none yet. `clock` of the buckets is the world's: time passes when the world says so.

    `app` serves this service from now on, instead of one of its own.
    """

    def __init__(self, folder: Path, buckets: Buckets | None = None, app: FastAPI | None = None) -> None:
        self.world = World(folder, JOB, "idle")
        self.store, self.manager = self.world.store, self.world.manager
        self.world.land(JOB, {"error": 3, "notice": 2}, {"bad_time": 1})
        self.world.clock.sleep(10)  # the window of that moment has begun before now
        head = self.world.head(JOB)
        self.store.put_rejected(head, [RejectedLine(JOB, 0, 5, "web", "bad_time", b"\x1b[2J a \\ \xff")])
        self.store.put_recount(JOB, {"job": JOB, "missing": 0, "doubled": 0, "checked_lines": 6, "at": self.world.now})
        self.file = folder / "tokens.json"
        self.tokens = {name: issue(self.file, name, role) for name, role in (("ana", "editor"), ("ben", "reader"), ("eve", "editor"))}
        serving = StaticTokens(self.file), self.ask, self.world.clock, buckets or Buckets(self.world.clock, 1e9, 10**9)
        self.app = lent(app, *serving) if app else alone(*serving)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    async def ask(self, call: Callable[[Manager], T], budget_s: float = 30.0, /) -> T:
        return call(self.manager)

    def headers(self, who: str = "ana") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}

    def get(self, path: str, who: str = "ana", **query: Any) -> httpx.Response:
        return self.client.get(f"{BASE}/{path}", params=query, headers=self.headers(who))

    def act(self, action: str, key: str = "k-1", who: str = "ana", job: str = JOB, **body: Any) -> httpx.Response:
        headers = {**self.headers(who), "Idempotency-Key": key}
        return self.client.post(f"{BASE}/jobs/{job}/actions/{action}", json=body, headers=headers)

    def kinds(self, job: str = JOB) -> list[str]:
        return [event.kind for event in self.store.events(job)]


def lent(app: FastAPI, access: Access, ask: Ask, clock: Clock, buckets: Buckets) -> FastAPI:
    """Let an app that was made before serve something else."""
    (mount,) = (route for route in app.routes if isinstance(route, Mount))
    mount.app.state.access, mount.app.state.ask, mount.app.state.clock, mount.app.state.buckets = access, ask, clock, buckets
    return app


def audited(records: list[logging.LogRecord]) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in records if record.name == "weir.audit"]
