"""Measure the console's pages on the server: the fleet with 200 jobs, and a job with a week of panes.

    nice -n 10 python bench/console.py [--jobs 200] [--rounds 30] [--json FILE]

Real: the app with its routes, the manager, reading counts, roll-ups and ledger, folds, templates. Simulated: store, cluster and broker,
which answer from memory, and the login. A request goes straight into the app, without a network, and its answer is read to the end. The
same run measures the style sheet, a route that only reads a file: a busy machine slows both, so the ratio to it says more than the
milliseconds. The exit code is 1 if a page's median is above 300 ms.

The job has counted for a week: panes of 10 s with errors of some services and signatures, folded and rolled up except for the last hours;
its ledger has a batch a minute. The fleet is checked anew for each request (`fleet`), or within the five seconds for which all requests
share one check (`fleet, shared`).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

AIM_MS, DAY_MS, HOUR_MS, PANE_MS = 300, 86_400_000, 3_600_000, 10_000
SERVICES, SIGNATURES = 6, 8
BATCH_MS = 60_000
JOB = "job_0000"
TRIVIAL = "/console.css"
PAGES = {
    "trivial": TRIVIAL,
    "fleet": "/",
    "fleet, shared": "/",
    "job, 24 h": f"/jobs/{JOB}",
    "job, 7 d": f"/jobs/{JOB}?since=7d",
    "errors, 7 d": f"/jobs/{JOB}/errors?since=7d",
}
Figures = dict[str, dict[str, float]]


def a_week(world: Any, job: str) -> None:
    """Make a week of counts: a batch a minute, with everything closed folded and rolled up."""
    from spark_jobs.counts.cells import Delta, day_of, hour_of, shard_of
    from spark_jobs.protocol.head import Batch, Progress, Totals, claim, land
    from spark_jobs.protocol.partition import Partition, numbers
    from weir.counts.folding import fold_many, roll_up_many

    chance, store = random.Random(1), world.store
    head = store.head(job)
    shards = world.specs[job].counting.shards
    now = int(time.time() * 1000) // BATCH_MS * BATCH_MS
    store.put_first(job, head.attempt, head.epoch, head.last_landed + 1)
    for at in range(now - 7 * DAY_MS, now, BATCH_MS):
        deltas = [
            Delta(pane, f"service-{service}", "error", f"signature {chance.randrange(SIGNATURES)} of <*>", chance.randrange(1, 50))
            for pane in range(at, at + BATCH_MS, PANE_MS)
            for service in range(SERVICES)
            if chance.random() < 0.5
        ]
        lines = sum(d.n for d in deltas)
        start, first = dict(head.frontier), Partition(head.topic_id, 0)
        progress = Progress({first: at}, {first: at + BATCH_MS - 2000}, at - BATCH_MS)
        batch = Batch(head.last_landed + 1, start, start | {first: start.get(first, 0) + lines})
        claimed = claim(head, batch, Totals(lines, {"error": lines}), progress, "v", (at + BATCH_MS - 1000) * 1000)
        store.put_deltas(claimed, shards, deltas)
        hours: dict[tuple[int, int], Counter[str]] = {}
        for d in deltas:
            hours.setdefault((hour_of(d.pane_start), shard_of(d.service, shards)), Counter())[d.level] += d.n
        store.put_hours(claimed, hours)
        landed = land(claimed, at + BATCH_MS)
        store.swap(head, landed)
        store.put_ledger(landed)
        head = landed
    closed = [t for t in store.hours(job) if t.hour < now - 3 * HOUR_MS]
    fold_many(store, job, [(t.hour, t.shard) for t in closed], now)
    roll_up_many(store, job, {(day_of(t.hour), t.shard) for t in closed}, now)
    topic = world.specs[job].source.topic
    world.broker.fill(topic, 0, numbers(head.frontier)[0] - world.broker.end_offsets(topic)[0])
    world.broker.kept.clear()


class Client:
    """Calls the app as a server would, and reads the whole answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def ask(self, address: str) -> tuple[float, int]:
        """Request a page. Return the seconds and the bytes of the answer."""
        path, _, query = address.partition("?")
        scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "root_path": "", "headers": []}
        scope |= {"path": path, "raw_path": path.encode(), "query_string": query.encode(), "server": ("here", 80), "client": None}
        size, codes, sent = 0, list[int](), iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            if message := next(sent, None):
                return message
            return await asyncio.get_running_loop().create_future()  # the client never disconnects

        async def send(message: dict[str, Any]) -> None:
            nonlocal size
            codes.append(message.get("status", 200))
            size += len(message.get("body", b""))

        began = time.perf_counter()
        await self._app(scope, receive, send)
        took = time.perf_counter() - began
        assert set(codes) == {200}, (address, codes)
        return took, size


async def measured(app: Any, rounds: int) -> Figures:
    """Request each page `rounds` times, alternating, so that other load affects all of them equally."""
    from weir.console import fleet

    client = Client(app)
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    sizes: dict[str, int] = {}
    for n in range(rounds + 1):
        for name, address in PAGES.items():
            fleet.FRESH_S = 3600.0 if name == "fleet, shared" else -1.0
            took, sizes[name] = await client.ask(address)
            if n:  # the first one also imports and compiles
                times[name].append(took * 1000)
    return {name: _figures(found, times["trivial"], sizes[name]) for name, found in times.items()}


def _figures(found: list[float], trivial: list[float], size: int) -> dict[str, float]:
    p95 = quantiles(found, n=20)[-1]
    return {
        "p50_ms": round(median(found), 1),
        "p95_ms": round(p95, 1),
        "least_ms": round(min(found), 1),
        "to_trivial": round(median(found) / median(trivial), 1),
        "kB": round(size / 1000, 1),
    }


def built(jobs: int, home: Path) -> Any:
    """Build the console's app over a fleet in memory, with a user who may do everything."""
    os.environ |= {"AIRFLOW_HOME": str(home / "airflow"), "WEIR_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    from airflow.api_fastapi.core_api.security import get_user

    from bench.fleet import World
    from weir import factory
    from weir.airflow import session as door
    from weir.airflow.triggers import session
    from weir.console import app as console
    from weir.console.access import editor, reader
    from weir.settings import Settings

    world = World(jobs, home)
    a_week(world, JOB)
    factory.manager = lambda settings, others=None: world.manager  # type: ignore[assignment]
    door.connect = lambda: world.manager  # type: ignore[assignment]
    door.settings = Settings.load
    session.shared = session.Shared(session.connect)
    console.edits = lambda user: True
    app = console.build()
    app.dependency_overrides |= {reader: lambda: None, editor: lambda: None, get_user: lambda: None}
    return app


def profile(app: Any, name: str) -> None:
    """Profile a page. Its panels are loaded one after another in the profiler's thread."""
    from weir.supervise.observe import questions

    class Now:
        """A thread that runs its target at once."""

        def __init__(self, target: Callable[[], None], **kwargs: object) -> None:
            self.start = target

    async def here(call: Callable[[], Any]) -> Any:
        return call()

    questions.Thread = Now  # type: ignore[assignment, misc]
    asyncio.to_thread = here  # type: ignore[assignment]
    profiler = cProfile.Profile()

    async def again() -> None:
        client = Client(app)
        await client.ask(PAGES[name])
        profiler.enable()
        for _ in range(5):
            await client.ask(PAGES[name])
        profiler.disable()

    asyncio.run(again())
    pstats.Stats(profiler).sort_stats("cumulative").print_stats("weir|bench|codec|json", 45)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=200)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    options.add_argument("--profile", choices=PAGES, help="instead, profile one page")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="weir-console-") as home:
        app = built(chosen.jobs, Path(home))
        if chosen.profile:
            profile(app, chosen.profile)
            return 0
        found = asyncio.run(measured(app, chosen.rounds))
    for name, figures in found.items():
        print(f"{name:>14}: {json.dumps(figures)}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(figures["p50_ms"] > AIM_MS for figures in found.values()))


if __name__ == "__main__":
    sys.exit(main())
