"""Faults of the driver and of its start: killed between any two steps, stopped and woken, started twice, hanging."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import psutil

from drill.fault import FAILPOINTS, Scene, enlist, fault, now_ms
from drill.stage import JOB, WHO, Stage
from drill.steady import of_driver, one_driver, replaced
from spark_jobs.failpoint import DRIVER, TAKEOVER
from spark_jobs.protocol.head import Head
from weir.errors import Conflict, NotRunning
from weir.factory import manager
from weir.supervise.manager import ActionResult

KILLS = 30
STARTS, DOORS = 100, 5
ZOMBIE_STEPS = ("start", "batch", "count", "ledger", "claim", "hours", "deltas", "land")


def killed_at(point: str) -> Callable[[Scene], None]:
    """Kill the driver right after a step of a batch."""

    def play(scene: Scene) -> None:
        scene.stage.arm(point, "kill")
        scene.stage.hit(point)
        scene.begins()

    return play


def killed_while_starting(point: str) -> Callable[[Scene], None]:
    """Kill the driver, and kill the process that takes over after a step of the takeover."""

    def play(scene: Scene) -> None:
        scene.stage.arm(point, "kill")
        scene.stage.signal_driver(signal.SIGKILL)
        scene.begins()
        scene.stage.hit(point)

    return play


for step in DRIVER:
    if step != "start":
        enlist(f"F1.{step}", f"driver killed after the step '{step}'", killed_at(step), replaces=True, needs=frozenset({FAILPOINTS}))
for step in (*TAKEOVER[:-1], "start"):
    title = f"driver killed, and its successor's start killed after the step '{step}'"
    enlist(f"F1.{step}", title, killed_while_starting(step), replaces=True, needs=frozenset({FAILPOINTS}))


def killed_and_back(stage: Stage) -> tuple[int, Head]:
    """Kill the driver. Return the time (ms) and the first batch that a successor lands."""
    attempt = stage.head().attempt
    stage.signal_driver(signal.SIGKILL)
    killed = now_ms()
    return killed, stage.until(lambda: stage.landed_after(killed, attempt), "a batch lands again")


@fault("F1.kills", f"{KILLS} random kills of the driver in one run", replaces=True)
def many_kills(scene: Scene) -> None:
    stage, times = scene.stage, []
    for _ in range(KILLS):
        killed, landed = killed_and_back(stage)
        times.append((landed.landed_at - killed) / 1000)
        time.sleep(scene.random.uniform(0.0, 2.0))
    cuts = quantiles(times, n=20)
    scene.notes.append(f"kill to first landed batch, {KILLS} times: p50 {cuts[9]:.1f} s, p95 {cuts[18]:.1f} s, most {max(times):.1f} s")


def stopped_at(point: str, begin: Callable[[Stage], ActionResult]) -> Callable[[Scene], None]:
    """Stop the driver after a step, let a successor land, then wake the old one: it must end by itself and change nothing."""

    def play(scene: Scene) -> None:
        stage, old = scene.stage, scene.stage.head().attempt
        stage.arm(point, "stop")
        if point == "start":
            stage.manager.restart(JOB, who=WHO, reason="to be stopped at its start")
            old += 1
        zombie = stage.hit(point)
        scene.begins()
        begin(stage)
        stage.until(lambda: stage.landed_after(scene.injected_at, old), "the successor lands")
        psutil.Process(zombie).send_signal(signal.SIGCONT)
        stage.until(lambda: not _runs(zombie), "the old driver has ended", 60)
        row = next(a for a in stage.manager.store.attempts(JOB) if a.attempt == old)
        if row.exit_reason != "superseded":
            raise NotRunning(f"The old driver, attempt {old}, ended as {row.exit_reason or 'killed'!r}, not as superseded.", row.exit_error)

    return play


@fault("F1.jvm", "the driver's JVM killed; its Python process is woken when a successor has landed", replaces=True)
def jvm_killed(scene: Scene) -> None:
    """Kill the driver's JVM. The Python process must end by itself, and its unfinished work must count for nothing."""
    stage, python = scene.stage, _python(scene.stage)
    python.suspend()
    try:
        stage.signal_driver(signal.SIGKILL)
        scene.begins()
        stage.until(lambda: stage.landed_after(scene.injected_at, scene.attempt), "the successor lands")
    finally:
        python.resume()
    stage.until(lambda: not _runs(python.pid), "the old driver's Python process has ended", 60)
    one_driver(scene)


@fault("F1.python", "the driver's Python process killed; its JVM must not live on", replaces=True)
def python_killed(scene: Scene) -> None:
    stage, jvm = scene.stage, scene.stage.driver()
    _python(stage).kill()
    scene.begins()
    stage.until(lambda: not _runs(jvm), "the JVM has ended", 60)
    replaced(scene)


def _python(stage: Stage) -> psutil.Process:
    """Return the Python process of the driver, whose parent is the JVM."""
    jvm = stage.until(stage.driver, "a driver runs")
    return next(process for process in of_driver(stage) if process.ppid() == jvm)


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _restart(stage: Stage) -> ActionResult:
    return stage.manager.restart(JOB, who=WHO, reason="a second driver beside a stopped one")


def _rebuild(stage: Stage) -> ActionResult:
    return stage.manager.rebuild(JOB, who=WHO, reason="a new epoch beside a stopped driver")


for step in ZOMBIE_STEPS:
    needs = frozenset({FAILPOINTS})
    enlist(f"F3.{step}", f"driver stopped after '{step}', successor, old one woken", stopped_at(step, _restart), replaces=True, needs=needs)
for step in ("claim", "deltas"):
    title = f"driver stopped after '{step}', new epoch, old one woken"
    enlist(f"F3.rebuild.{step}", title, stopped_at(step, _rebuild), replaces=True, needs=frozenset({FAILPOINTS}))


@fault("F4", f"{STARTS} starts at once", replaces=True)
def many_starts(scene: Scene) -> None:
    """Start the job many times at once, by API and command line."""
    stage, judged = scene.stage, scene.stage.head().attempt
    doors = [manager(stage.settings) for _ in range(DOORS)]

    def start(n: int) -> bool:
        try:
            return doors[n % DOORS].restart(JOB, judged, WHO, "all at once").changed
        except Conflict:
            return False

    with ThreadPoolExecutor(STARTS) as pool:
        started = sum(pool.map(start, range(STARTS)))
    for door in doors:
        door.close()
    attempts = stage.head().attempt - judged
    scene.notes.append(f"{started} of {STARTS} started a driver, {attempts} attempt was taken")
    if (started, attempts) != (1, 1):
        raise NotRunning(f"Of {STARTS} starts at once, {started} started a driver, and {attempts} attempts were taken.", "It must be one.")


def killed_before_the_note(scene: Scene) -> None:
    """Wait until the attempt whose submission nobody noted is replaced: its driver may land before that, and the next fault found it so."""
    killed_while_starting("takeover.submit")(scene)
    stage = scene.stage

    def noted() -> bool:
        attempt = stage.head().attempt
        return any(row.submission_id for row in stage.manager.store.attempts(JOB) if row.attempt == attempt)

    stage.until(noted, "an attempt with a noted submission takes over")


enlist(
    "F10",
    "the supervisor killed between the submission and the note of its id",
    killed_before_the_note,
    replaces=True,
    needs=frozenset({FAILPOINTS}),
)


# A stall is detected when nothing has landed for `health.stalled_after`, a minute; an outage in between restarts that minute.
STALLED = {"called": "stalled", "within_s": 150.0}


@fault("F21.hangs", "a batch that hangs", replaces=True, needs=frozenset({FAILPOINTS}), **STALLED)
def hanging(scene: Scene) -> None:
    scene.stage.arm("count", "hang")
    scene.stage.hit("count")
    scene.begins()


@fault("F21.stopped", "the driver's JVM stopped without any sign: found by the watch", replaces=True, **STALLED)
def found_stopped(scene: Scene) -> None:
    pid = scene.stage.signal_driver(signal.SIGSTOP)
    scene.begins()
    try:
        replaced(scene)
    finally:
        scene.stage.wake(pid)


@fault("F21.query", "the query fails in a driver that lives", replaces=True, needs=frozenset({FAILPOINTS}), called="down", within_s=15.0)
def query_fails(scene: Scene) -> None:
    scene.stage.arm("count", "raise")
    scene.stage.hit("count")
    scene.begins()
    replaced(scene)
