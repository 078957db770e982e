"""Measure the cost of supervising many streams: parsing their DAGs, a pass of the watch, a scrape of metrics, and the time from a driver's
death to its successor.

    python bench/fleet.py [--jobs 1,10,100,1000] [--json FILE] [--without dags,store]

Real: Airflow's parsing, serialization and storing of the dags/ folder; the watch's trigger in an asyncio loop with its threads and the
manager; for `store` a Cassandra with all rows of each job, and the exporter's answer. Simulated: the drivers, which land a batch a second
by changing their heads; cluster and broker, which answer from memory; for `watch` the store. Airflow's database is SQLite. Compare the cost
per job as the number grows: other load affects that least. No live job may be restarted, and each dead one exactly once; otherwise the exit
code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from spark_jobs.protocol import codec  # noqa: E402
from spark_jobs.protocol.head import Batch, Head, Progress, Totals, claim, land, started  # noqa: E402
from spark_jobs.protocol.partition import Partition, numbers  # noqa: E402
from weir.factory import assemble  # noqa: E402
from weir.jobs.bundle import BundleFolder  # noqa: E402
from weir.jobs.folders import sound  # noqa: E402
from weir.jobs.spec import JobSpec  # noqa: E402
from weir.ports.cluster import DriverState  # noqa: E402
from weir.ports.reports import Kept  # noqa: E402
from weir.settings import Settings  # noqa: E402
from weir.supervise.manager import Manager  # noqa: E402
from weir.supervise.parts import Parts  # noqa: E402
from weir.testing import MemoryBroker, MemoryCheckpoints, MemoryCluster, MemoryStore  # noqa: E402

JOBS, TOPICS, PARTITIONS = (1, 10, 100, 1000), 20, 4
PASSES, WATCHED_S, DEATHS = 10, 15.0, 10
Figures = dict[str, Any]


class World:
    """A fleet in memory whose drivers all run. `died`, `seen` and `replaced` are times (s) by killed job."""

    def __init__(self, jobs: int, home: Path) -> None:
        self.store, self.cluster, self.broker = MemoryStore(), MemoryCluster(), MemoryBroker()
        self.died: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self.replaced: dict[str, list[float]] = {}
        self.specs = specs(jobs)
        for topic in {spec.source.topic for spec in self.specs.values()}:
            self.broker.create(topic, PARTITIONS)
            self.broker.fill(topic, 0, 1)
        settings = Settings(home=str(home), bundles=str(home / "bundles"), checkpoints="memory", jobs=str(PROJECT / "spark_jobs"))
        self.checkpoints = MemoryCheckpoints()
        self.manager = assemble(
            self.specs,
            Parts(self.store, {"standalone": self.cluster}, self.broker, self.checkpoints, BundleFolder(settings.bundles), settings),
        )
        self.manager.close = lambda: None  # type: ignore[method-assign]
        for job in self.specs:
            self.manager.deploy(job)
        self.land()
        self._listen()

    def land(self) -> None:
        """Land a batch for every live driver."""
        for job in self.specs:
            if job not in self.died or job in self.replaced:
                head = self.store.head(job)
                assert head is not None
                landed, topic = one_more(head), self.specs[job].source.topic
                # A log that ends before the landed offsets would look truncated.
                self.broker.fill(topic, 0, numbers(landed.frontier)[0] - self.broker.end_offsets(topic)[0])
                self.store.swap(head, landed)
                folder = job, landed.epoch, landed.attempt
                self.checkpoints.plan(*folder, landed.batch_id, numbers(landed.frontier), topic)
                self.checkpoints.commit(*folder, landed.batch_id)

    def kill(self, *jobs: str) -> None:
        for job in jobs:
            self.died[job] = time.monotonic()
            self.cluster.states[self.store.attempts(job, 1)[0].submission_id] = DriverState.FAILED

    def _listen(self) -> None:
        keep, submitted = self.store.keep_reports, self.store.put_submitted

        def keep_reports(reports: list[Kept]) -> None:
            for kept in reports:
                if kept.event and kept.event.detail["verdict"] == "down":
                    self.seen.setdefault(kept.job, time.monotonic())
            keep(reports)

        def put_submitted(job: str, attempt: int, submission_id: str, at: int) -> None:
            submitted(job, attempt, submission_id, at)
            self.replaced.setdefault(job, []).append(time.monotonic())

        self.store.keep_reports = keep_reports  # type: ignore[method-assign, assignment]
        self.store.put_submitted = put_submitted  # type: ignore[method-assign]


def specs(jobs: int) -> dict[str, JobSpec]:
    """Make copies of the real spec, spread over the topics."""
    real = sound(PROJECT / "spark_jobs")["error_counts"]
    return {
        f"job_{n:04}": real.model_copy(
            update={"name": f"job_{n:04}", "source": real.source.model_copy(update={"topic": f"logs_{n % TOPICS}"})}
        )
        for n in range(jobs)
    }


def one_more(head: Head) -> Head:
    """Return the head after one more batch of one line."""
    head = head if head.incarnation else started(head, f"i-{head.attempt}")
    start, first = dict(head.frontier), Partition(head.topic_id, 0)
    batch = Batch(head.last_landed + 1, start, start | {first: start[first] + 1})
    now = int(time.time() * 1e6)
    claimed = claim(head, batch, Totals(1, {"error": 1}), Progress({first: 1}, {first: 1}, 1), "v", now)
    return land(claimed, now // 1000)


# the pass


def passes(tick: Callable[[], object], between: Callable[[], None], others: Callable[[], float] = lambda: 0.0) -> Figures:
    """Measure wall clock and CPU (ms) of a pass: with streams that all landed something since the last one, and with streams at rest."""
    told: Figures = {}
    for name, change in (("moving", between), ("resting", lambda: None)):
        walls, cpus, servers = [], [], []
        for n in range(PASSES + 1):
            change()
            server, cpu, wall = others(), time.process_time(), time.monotonic()
            tick()
            if n:  # the first one also opens and prepares
                walls.append(time.monotonic() - wall)
                cpus.append(time.process_time() - cpu)
                servers.append(others() - server)
        told[name] = {"wall_ms": ms(median(walls)), "cpu_ms": ms(median(cpus)), "server_cpu_ms": ms(sum(servers) / PASSES)}
    return told


def tick_task(world: World) -> Figures:
    """Measure the scheduled tick as Airflow's task runs it, and the size of what it leaves in Airflow's database."""
    from airflow.sdk.execution_time.context import OutletEventAccessors

    from weir.airflow.operators import health

    pushed: dict[str, Any] = {}

    class Instance:
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

    world.land()
    began = time.monotonic()
    found = health.TickOperator(task_id="tick").execute({"ti": Instance(), "outlet_events": OutletEventAccessors()})  # type: ignore[typeddict-item]
    wall = time.monotonic() - began
    return {"tick_ms": ms(wall), "tick_xcom_bytes": len(json.dumps(pushed)) + len(json.dumps(found)), "mapped": len(found)}


# the watch


async def watch(world: World) -> Figures:
    """Run the real trigger: first on a calm fleet, then on one whose drivers die, one after another and a tenth at once."""
    from weir.airflow.triggers.watch import WatchTrigger

    trigger, loop = WatchTrigger(), asyncio.get_running_loop()
    threads = threading.active_count()

    async def look() -> None:
        async for _ in trigger.run():
            pass

    tasks = [asyncio.create_task(look()), asyncio.create_task(asyncio.to_thread(_drive, world, stop := threading.Event()))]
    await asyncio.sleep(3)  # the first pass
    cpu, began, lags = time.process_time(), loop.time(), []
    while loop.time() < began + WATCHED_S:
        asked = loop.time()
        await asyncio.sleep(0.01)
        lags.append(loop.time() - asked - 0.01)
    share = (time.process_time() - cpu) / (loop.time() - began)
    calm = {"cpu_share": round(share, 4), "loop_blocked_ms": ms(max(lags)), "loop_blocked_p99_ms": ms(sorted(lags)[len(lags) * 99 // 100])}
    assert not world.replaced, f"healthy drivers were replaced: {world.replaced}"
    names = list(world.specs)
    singles = names[:: max(1, len(names) // DEATHS)][:DEATHS]
    for n, job in enumerate(singles):
        world.kill(job)
        await _until(lambda job=job: job in world.replaced)
        await asyncio.sleep(0.1 + 0.09 * n)  # at any moment between two passes
    tenth = [job for job in names if job not in world.died][: len(names) // 10]
    world.kill(*tenth)
    await _until(lambda: all(job in world.replaced for job in tenth))
    most = threading.active_count() - threads - 1
    stop.set()
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert set(world.replaced) == set(world.died) and all(len(times) == 1 for times in world.replaced.values())
    restarts = {job: times[0] for job, times in world.replaced.items()}
    one = {"verdict_s": _after(world, world.seen, singles), "restart_s": _after(world, restarts, singles)}
    mass = max((restarts[job] - world.died[job] for job in tenth), default=0.0)
    return {**calm, "threads": most, "one_dead": one, "tenth_dead": {"jobs": len(tenth), "last_restart_s": round(mass, 2)}}


def _after(world: World, moments: dict[str, float], jobs: list[str]) -> dict[str, float]:
    took = sorted(moments[job] - world.died[job] for job in jobs)
    return {"p50": round(median(took), 2), "max": round(took[-1], 2)}


def _drive(world: World, stop: threading.Event) -> None:
    """Simulate the drivers: each lands a batch a second. This runs in the same process, so it is part of the CPU share."""
    while not stop.wait(1.0):
        world.land()


async def _until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not so():
            await asyncio.sleep(0.005)


# the store


def stored(jobs: int, home: Path, settings: Settings, server: psutil.Process) -> Figures:
    """Measure the same pass with a real Cassandra, with the same rows as in memory."""
    from uuid import uuid4

    from spark_jobs.runtime.store import day_of
    from weir.addresses import address
    from weir.cassandra.migrate import migrate
    from weir.cassandra.store import CassandraStore

    settings = replace(settings, cassandra_keyspace=f"weir_{uuid4().hex[:8]}")
    migrate(settings)
    world, store = World(jobs, home), CassandraStore.connect(address(settings), patience_s=30)
    write = store.session.write_partitions
    wanted = [world.store.job(job) for job in world.specs]
    write(
        "INSERT INTO job (job, revision, desired, version, spec, changed_by, reason, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [[(r.job, r.revision, r.desired, r.version, r.spec, r.changed_by, r.reason, r.changed_at)] for r in wanted if r],
    )
    write(
        "INSERT INTO attempt (job, attempt, cause, who, taken_at, version, submission_id, submitted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            [(job, a, "deploy", "weir", row.taken_at, row.version, row.submission_id, row.submitted_at) for a in (1,)]
            for job in world.specs
            for row in world.store.attempts(job, 1)
        ],
    )

    def move() -> None:
        world.land()
        heads = [head for job in world.specs if (head := world.store.head(job))]
        write("INSERT INTO head (job, record) VALUES (?, ?)", [[(h.job, codec.dump(h))] for h in heads])
        rows = [(h.job, day_of(h.write_ts), h.by, h.batch_id, codec.dump(h)) for h in heads]
        write("INSERT INTO ledger_day (job, day) VALUES (?, ?)", [[row[:2]] for row in rows])
        write("INSERT INTO ledger (job, day, attempt, batch_id, record) VALUES (?, ?, ?, ?, ?)", [[row] for row in rows])

    move()
    manager = assemble(
        world.specs, Parts(store, {"standalone": world.cluster}, world.broker, world.checkpoints, BundleFolder(settings.bundles), settings)
    )
    told = passes(manager.tick, move, lambda: sum(server.cpu_times()[:2]))
    told |= {"scrape": scrapes(manager, move, lambda: sum(server.cpu_times()[:2]))}
    reports = manager.tick()
    assert all(str(r.verdict) in ("ok", "idle") and r.act == "none" for r in reports), [r.sentence for r in reports][:3]
    mine = [c for c in psutil.Process().net_connections("tcp") if c.raddr and c.raddr.port == settings.cassandra_port]
    store.close()
    return {**told, "connections": len(mine)}


def scrapes(manager: Manager, move: Callable[[], None], others: Callable[[], float]) -> Figures:
    """Measure a scrape by Prometheus, with its check of the fleet, and the size of the answer."""
    from prometheus_client import CollectorRegistry, generate_latest

    from weir.metrics.collector import FleetCollector
    from weir.metrics.look import Looker

    registry, looker = CollectorRegistry(), Looker()
    registry.register(FleetCollector(lambda: looker.look(manager), fresh_s=-1))
    told = passes(lambda: generate_latest(registry), move, others)
    return {**told, "bytes": len(generate_latest(registry))}


# the DAGs


def parsed(jobs: int, home: Path) -> Figures:
    """Measure the DAGs in a separate process with its own Airflow."""
    folder = home / "jobs"
    text = (PROJECT / "spark_jobs/error_counts/job.yaml").read_text()
    for n in range(jobs):
        (folder / f"job_{n:04}").mkdir(parents=True)
        (folder / f"job_{n:04}/job.yaml").write_text(text.replace("name: error_counts", f"name: job_{n:04}"))
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",  # for busy machines; Airflow's own is 30 s
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "WEIR_HOME": str(home),
        "WEIR_JOBS": str(folder),
    }
    done = subprocess.run([sys.executable, __file__, "--parse"], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def parse() -> Figures:
    """Parse each file as Airflow's DAG processor does. In CPU seconds, since other work may share the machine."""
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.dag_processing.processor import DagFileParseRequest, _parse_file
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils import db
    from airflow.utils.session import create_session
    from structlog import get_logger

    db.initdb()
    with create_session() as session:
        session.add(DagBundleModel(name="weir"))
    told: Figures = {"files": {}}
    dags = size = 0
    stores: dict[str, list[float]] = {"first": [], "again": []}
    for file in sorted((PROJECT / "dags").glob("*.py")):
        began, wall = time.process_time(), time.monotonic()
        request = DagFileParseRequest(file=str(file), bundle_path=PROJECT / "dags", bundle_name="weir", callback_requests=[])
        result = _parse_file(request, get_logger())
        assert result is not None and not result.import_errors, result and result.import_errors
        told["files"][file.stem] = {"cpu_s": round(time.process_time() - began, 2), "wall_s": round(time.monotonic() - wall, 2)}
        dags += len(result.serialized_dags)
        size += sum(len(json.dumps(d.data)) for d in result.serialized_dags)
        for times in stores.values():
            began = time.process_time()
            with create_session() as session:
                update_dag_parsing_results_in_db("weir", None, result.serialized_dags, {}, 1.0, set(), session)
            times.append(time.process_time() - began)
    cpu = sum(f["cpu_s"] for f in told["files"].values())
    sums = {f"store_{name}_cpu_s": round(sum(times), 2) for name, times in stores.items()}
    return {**told, "dags": dags, "parse_cpu_s": round(cpu, 2), "bytes_per_dag": size // dags, **sums}


# all of it


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", default=",".join(map(str, JOBS)), help="numbers of jobs, separated by commas")
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    options.add_argument("--without", default="", help="parts to leave out: dags, watch, store")
    options.add_argument("--parse", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.parse:
        print(json.dumps(parse()))
        return 0
    logging.disable(logging.WARNING)  # each restart logs one
    with tempfile.TemporaryDirectory(prefix="weir-fleet-") as home:
        figures = run([int(n) for n in chosen.jobs.split(",")], Path(home), set(chosen.without.split(",")))
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def run(sizes: list[int], home: Path, without: set[str]) -> Figures:
    figures: Figures = {str(n): {} for n in sizes}
    for n in sizes if "dags" not in without else ():
        (home / f"dags{n}").mkdir()
        figures[str(n)]["dags"] = show(n, "dags", parsed(n, home / f"dags{n}"))
    if "watch" not in without:
        os.environ |= {"AIRFLOW_HOME": str(home / "airflow"), "WEIR_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
        for n in sizes:
            figures[str(n)]["watch"] = show(n, "watch", watched(n, home / f"watch{n}"))
    if "store" not in without:
        from tests.parts import running

        with running(home / "cassandra", "cassandra") as settings:
            server = max(psutil.Process().children(recursive=True), key=lambda p: p.memory_info().rss)
            for n in sizes:
                figures[str(n)]["store"] = show(n, "store", stored(n, home / f"store{n}", settings, server))
    return figures


def watched(jobs: int, home: Path) -> Figures:
    from airflow.sdk.exceptions import AirflowNotFoundException

    from weir import factory
    from weir.airflow import session as door
    from weir.airflow.operators import health  # noqa: F401 - imports are not what the tick is timed for
    from weir.airflow.triggers import session

    def nowhere(conn_id: str) -> None:
        raise AirflowNotFoundException(conn_id)

    world = World(jobs, home)
    factory.manager = lambda settings, others=None: world.manager  # type: ignore[assignment]
    door.BaseHook.get_connection = nowhere  # type: ignore[method-assign, assignment]
    session.shared = session.Shared()
    return {"pass": passes(world.manager.tick, world.land), **tick_task(world), **asyncio.run(watch(world))}


def show(jobs: int, name: str, figures: Figures) -> Figures:
    print(f"{jobs:>5} jobs, {name}: {json.dumps(figures)}", flush=True)
    return figures


def ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


if __name__ == "__main__":
    sys.exit(main())
