"""Faults of Airflow's tasks: each task's process told to end and killed while it is at work, and the workers above them killed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress

import psutil

from spark_jobs.failpoint import TAKEOVER
from weir.counts.panes import iso
from weir.drill.fault import FAILPOINTS, Scene, enlist, fault
from weir.drill.folding import LATE
from weir.drill.runs import ENDED, Runs
from weir.drill.stage import JOB
from weir.drill.steady import one_driver, replaced, unharmed
from weir.errors import NotRunning
from weir.local.process import descendants_of

TRIES = 10
SPAN_MS = 60_000  # what is counted again while a task of it is killed
TASKS = (
    # (the task, its DAG, does the DAG replace the driver, and how may a run with a killed task end)
    ("deploy", f"{JOB}_deploy", False, ("success",)),
    ("restart", f"{JOB}_restart", True, ("success",)),
    ("ready", f"{JOB}_restart", True, ("success",)),
    ("tick", "weir_health", False, ENDED),  # it is not tried again: the next tick is
    ("pending", f"{JOB}_fold", False, ("success",)),
    ("fold", f"{JOB}_fold", False, ("success",)),
    ("sweep", f"{JOB}_fold", False, ("success",)),
    ("spans", f"{JOB}_recount", False, ("success",)),
    ("recount", f"{JOB}_recount", False, ("success",)),
    ("validate", f"{JOB}_validate", False, ("success",)),
)


def killed(dag: str, task: str, replaces: bool, ends: tuple[str, ...]) -> Callable[[Scene], None]:
    """A run whose task is told to end, and one whose task is killed."""

    def play(scene: Scene) -> None:
        runs, conf = Runs(scene.stage), _conf(scene, dag)
        with nullcontext() if replaces else unharmed(scene):
            for number in (signal.SIGTERM, signal.SIGKILL):
                run = _hit(scene, runs, dag, task, number, conf)
                state = runs.end(dag, run)
                scene.notes.append(f"{number.name}: the run ended as {state}")
                if state not in ends:
                    raise NotRunning(f"The run {run} of {dag} ended as {state}.", f"After {number.name} it must end as {ends[0]}.")
                one_driver(scene)
        scene.healed()
        if replaces:
            replaced(scene)

    return play


def _conf(scene: Scene, dag: str) -> Mapping[str, object]:
    """What is counted again are closed lines of the load; the other DAGs need nothing."""
    if not dag.endswith("_recount"):
        return {}
    stage, until = scene.stage, scene.start_ms + SPAN_MS
    closed = lambda: (stage.head().progress.watermark or 0) >= until + stage.rules.lateness  # noqa: E731
    stage.until(closed, "a minute of the load is closed")
    return {"since": iso(scene.start_ms), "until": iso(until)}


def _hit(scene: Scene, runs: Runs, dag: str, task: str, number: signal.Signals, conf: Mapping[str, object]) -> str:
    """Signals a task of a new run, some time after it began; or if it was over by then, of another one, sooner. Returns the run's id."""
    for tried in range(TRIES):
        run = runs.start(dag, **conf)
        found = runs.process(dag, run, task)
        scene.pause(0.0, 2 * (TRIES - 1 - tried) / TRIES)
        if found and _signalled(found, number):
            return run
        runs.end(dag, run)
    raise NotRunning(f"In {TRIES} runs of {dag}, {task} was never caught at work.", "It is too quick, or has nothing to do.")


def _signalled(process: psutil.Process, number: signal.Signals) -> bool:
    with suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            process.send_signal(number)
            return True
    return False


for task, dag, replaces, ends in TASKS:
    title = f"the task '{task}' of {dag} told to end, and killed"
    enlist(f"F9.worker.{task}", title, killed(dag, task, replaces, ends), replaces=replaces, mix=LATE)


@fault("F9.worker.trouble", "the driver killed, the watch off, and the task 'trouble' of weir_health killed", replaces=True)
def trouble(scene: Scene) -> None:
    """It lives for a second or two: missed, the driver that it has started is killed in turn."""
    stage, runs = scene.stage, Runs(scene.stage)
    with runs.unwatched():
        for _ in range(TRIES):
            scene.attempt = stage.head().attempt
            stage.signal_driver(signal.SIGKILL)
            scene.begins()
            found = stage.until(lambda: runs.at_work("weir_health", "trouble") or _restarted(scene), "the task 'trouble' runs")
            hit = isinstance(found, psutil.Process) and _signalled(found, signal.SIGKILL)
            replaced(scene)
            if hit:
                return
    raise NotRunning(f"In {TRIES} kills of the driver, 'trouble' was never caught at work.", "It is too quick.")


def _restarted(scene: Scene) -> bool:
    return scene.stage.landed_after(scene.injected_at, scene.attempt) is not None


def killed_at(step: str) -> Callable[[Scene], None]:
    """The task that restarts the stream dies between two steps of the takeover; its retry takes over again."""

    def play(scene: Scene) -> None:
        stage, runs = scene.stage, Runs(scene.stage)
        stage.arm(step, "kill")
        run = runs.start(f"{JOB}_restart")
        stage.hit(step)
        scene.begins()
        runs.succeed(f"{JOB}_restart", run)
        replaced(scene)

    return play


for step in TAKEOVER:
    title = f"the task 'restart' killed after the step '{step}'"
    needs = frozenset({FAILPOINTS})
    enlist(f"F9.worker.{step.removeprefix('takeover.')}", title, killed_at(step), replaces=True, needs=needs)


@fault("F9.worker.lost", "the workers of deploy, fold, validate and recount killed; their tasks live on beside the retries", mix=LATE)
def workers_lost(scene: Scene) -> None:
    runs = Runs(scene.stage)
    with unharmed(scene):
        *others, deploy = (f"{JOB}_{verb}" for verb in ("fold", "validate", "recount", "deploy"))
        begun = {dag: runs.start(dag, **_conf(scene, dag)) for dag in (*others, deploy)}
        runs.process(deploy, begun[deploy], "deploy")
        scene.pause(0.0, 1.0)
        lost = _kill_workers(scene)
        for dag, run in begun.items():
            runs.succeed(dag, run)
        scene.notes.append(f"{lost} workers were killed")
    scene.healed()


def _kill_workers(scene: Scene) -> int:
    """Kill the workers that have a task. An idle one may hold the lock of the executor's queue, and nobody would ever get another task."""
    lost = 0
    for process in descendants_of(str(scene.stage.home)):
        with suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if "LocalExecutor: " in title and "<idle>" not in title:
                process.kill()
                lost += 1
    return lost
