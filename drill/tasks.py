"""Faults of Airflow's tasks: the process of each task of each DAG terminated and killed while it runs."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from drill.fault import Scene, enlist
from drill.folding import LATE
from drill.generator import Truth
from drill.runs import ENDED, Runs
from drill.stage import JOB
from drill.steady import one_driver, replaced, unharmed
from spark_jobs.counts.cells import DAY_MS
from weir.errors import NotRunning
from weir.times import iso

TRIES = 10
SPAN_MS = 60_000  # the span that is recounted while its task is killed
OLD_LINES = 40
SIGNALS = (signal.SIGTERM, signal.SIGKILL)
Conf = Mapping[str, object]


def nothing(scene: Scene, runs: Runs) -> Conf:
    """Do nothing: most DAGs need no form and have something to do under any load."""
    return {}


def closed_minute(scene: Scene, runs: Runs) -> Conf:
    """Return the form of a recount: a minute of the load, as soon as it is closed."""
    stage, until = scene.stage, scene.start_ms + SPAN_MS
    closed = lambda: (stage.head().progress.watermark or 0) >= until + stage.rules.lateness  # noqa: E731
    stage.until(closed, "a minute of the load is closed")
    return {"since": iso(scene.start_ms), "until": iso(until)}


def old_day(scene: Scene, runs: Runs) -> Conf:
    """Send late lines for a day that closed long ago and fold their hour: then the day is due to be rolled up."""
    at = (scene.start_ms - 2 * DAY_MS) // DAY_MS * DAY_MS
    service, stamp = scene.load.generator.mix.services[0], datetime.fromtimestamp(at / 1000, UTC).strftime("%a %b %d %H:%M:%S %Y")
    truth = Truth(scene.stage.rules.pane)
    truth.panes[at, service, "error", "a line of an old day"] = OLD_LINES
    scene.load.add([(service.encode(), f"[{stamp}] [error] a line of an old day".encode())] * OLD_LINES, truth)
    scene.stage.await_landed()
    fold = f"{JOB}_fold"
    runs.succeed(fold, runs.start(fold))
    return {}


@dataclass(frozen=True)
class Task:
    """A task and its DAG. `before` gives it something to do and returns the form of its run. `ends`: how a run may end whose task was
    killed. `replaces`: the DAG replaces the driver."""

    name: str
    dag: str
    before: Callable[[Scene, Runs], Conf] = nothing
    ends: tuple[str, ...] = ("success",)
    replaces: bool = False
    fault: str = ""  # if two DAGs have a task of the same name


TASKS = (
    Task("deploy", f"{JOB}_deploy"),
    Task("ready", f"{JOB}_deploy", fault="deploy.ready"),
    Task("restart", f"{JOB}_restart", replaces=True),
    Task("ready", f"{JOB}_restart", replaces=True),
    Task("tick", "weir_health", ends=ENDED),  # these two have no retry: the next run is the retry
    Task("alert", "weir_alerts", ends=ENDED),
    Task("pending", f"{JOB}_fold"),
    Task("fold", f"{JOB}_fold"),
    Task("days", f"{JOB}_fold", old_day),
    Task("roll_up", f"{JOB}_fold", old_day),
    Task("sweep", f"{JOB}_fold"),
    Task("spans", f"{JOB}_recount", closed_minute),
    Task("recount", f"{JOB}_recount", closed_minute),
    Task("prove", f"{JOB}_recount"),
    Task("validate", f"{JOB}_validate"),
)
# These have something to do only after a driver has died; `trouble` only if the watch does not act first.
AFTER_DEATH = (("trouble", "weir_health"), ("record", "weir_watch"), ("show", "weir_watch"))


def killed(task: Task) -> Callable[[Scene], None]:
    """Terminate the task of one run, and kill the task of another."""

    def play(scene: Scene) -> None:
        runs = Runs(scene.stage)
        with nullcontext() if task.replaces else unharmed(scene):
            for number in SIGNALS:
                run = _hit(scene, runs, task, number)
                state = runs.end(task.dag, run)
                scene.notes.append(f"{number.name}: the run ended as {state}")
                if state not in task.ends:
                    raise NotRunning(f"The run {run} of {task.dag} ended as {state}.", f"After {number.name}: {task.ends[0]}.")
                one_driver(scene)
        scene.healed()
        if task.replaces:
            replaced(scene)

    return play


def _hit(scene: Scene, runs: Runs, task: Task, number: signal.Signals) -> str:
    """Signal a task of a new run some time after it began. If it had ended by then, try another run, sooner. Return the run's id."""
    for tried in range(TRIES):
        run = runs.start(task.dag, **task.before(scene, runs))
        found = runs.process(task.dag, run, task.name)
        scene.pause(0.0, 2 * (TRIES - 1 - tried) / TRIES)
        if found and _signalled(found, number):
            return run
        runs.end(task.dag, run)
    raise NotRunning(f"In {TRIES} runs of {task.dag}, {task.name} was never seen running.", "It is too quick, or has nothing to do.")


def _signalled(process: psutil.Process, number: signal.Signals) -> bool:
    with suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            process.send_signal(number)
            return True
    return False


def killed_after_death(name: str, dag: str) -> Callable[[Scene], None]:
    """Kill the driver, and then the task that reacts to it. The stream must be restarted anyway."""

    def play(scene: Scene) -> None:
        runs = Runs(scene.stage)
        with runs.unwatched() if dag == "weir_health" else nullcontext():
            for number in SIGNALS:
                _hit_after_death(scene, runs, name, dag, number)

    return play


def _hit_after_death(scene: Scene, runs: Runs, name: str, dag: str, number: signal.Signals) -> None:
    """The task lives for a second or two. If it is missed, kill the new driver and try again."""
    stage = scene.stage
    for _ in range(TRIES):
        scene.attempt = stage.head().attempt
        stage.signal_driver(signal.SIGKILL)
        scene.begins()
        found = stage.until(lambda: runs.at_work(dag, name) or _restarted(scene), f"the task {name!r} runs")
        hit = isinstance(found, psutil.Process) and _signalled(found, number)
        replaced(scene)
        if hit:
            return scene.notes.append(f"{number.name}: the run ended as {_settled(runs, dag)}")
    raise NotRunning(f"In {TRIES} kills of the driver, {name!r} was never seen running.", "It is too quick.")


def _settled(runs: Runs, dag: str) -> str:
    """Return how the newest run of a DAG ended. Raises NotRunning if a run of the watch failed: its tasks have retries."""
    state = runs.newest(dag)
    if dag == "weir_watch" and state != "success":
        raise NotRunning(f"The run of {dag} ended as {state}.", "Airflow does not show what the watch has done.")
    return state


def _restarted(scene: Scene) -> bool:
    return scene.stage.landed_after(scene.injected_at, scene.attempt) is not None


for task in TASKS:
    title = f"the task '{task.name}' of {task.dag} told to end, and killed"
    enlist(f"F9.worker.{task.fault or task.name}", title, killed(task), replaces=task.replaces, mix=LATE)
for name, dag in AFTER_DEATH:
    off = ", the watch off," if dag == "weir_health" else ""
    title = f"the driver killed{off} and the task '{name}' of {dag} told to end, and killed"
    enlist(f"F9.worker.{name}", title, killed_after_death(name, dag), replaces=True)
