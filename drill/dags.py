"""Faults by operators in Airflow: tasks cleared and marked, DAGs paused, deleted and renamed, everything started at once."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial

from drill.fault import OWN_DAGS, Scene, enlist, fault
from drill.runs import DAGS, Runs
from drill.stage import JOB, WHO, Stage
from drill.steady import replaced, unharmed
from weir.errors import Conflict, NotRunning
from weir.factory import manager

DEPLOY, RESTART = f"{JOB}_deploy", f"{JOB}_restart"
DEPLOYS, DOORS, PROCESSES = 100, 5, 20  # a hundred processes would need 15 GB
NAME = re.compile(r'(job_dag\(spec, "|weir_dag\(")(\w+)"')
RENAMED = "_renamed"
Meddle = Callable[[Runs, str, str, str], None]  # the DAG, its run, the task
MEDDLING: tuple[tuple[str, Meddle], ...] = (
    ("cleared", lambda runs, dag, run, task: runs.clear(dag, run, task)),
    ("failed", lambda runs, dag, run, task: runs.mark(dag, run, task, "failed")),
    ("success", lambda runs, dag, run, task: runs.mark(dag, run, task, "success")),
)


def meddled(dag: str, meddle: Meddle) -> Callable[[Scene], None]:
    """Clear or mark the DAG's task while it runs, and afterwards."""
    task, replaces = dag.removeprefix(f"{JOB}_"), dag == RESTART

    def play(scene: Scene) -> None:
        runs = Runs(scene.stage)
        with nullcontext() if replaces else unharmed(scene):
            for states in (("running", "success"), ("success",)):
                run = runs.start(dag)
                seen = runs.await_task(dag, run, task, states)["state"]
                meddle(runs, dag, run, task)
                scene.notes.append(f"the task was at {seen}; the run ended as {runs.end(dag, run)}")
        scene.healed()
        if replaces:
            replaced(scene)

    return play


for dag in (DEPLOY, RESTART):
    verb = dag.removeprefix(f"{JOB}_")
    for word, meddle in MEDDLING:
        marked = word if word == "cleared" else f"marked {word}"
        enlist(f"F11.{verb}.{word}", f"the task '{verb}' {marked}, while it runs and after", meddled(dag, meddle), replaces=dag == RESTART)


@fault("F11.paused", "all DAGs paused for a while")
def paused(scene: Scene) -> None:
    runs = Runs(scene.stage)
    with unharmed(scene):
        with _paused(runs, *DAGS):
            scene.pause(15.0, 20.0)
        runs.prove()
    scene.healed()


@fault("F11.paused.driver", "the watch paused, and the driver killed: weir_health alone must see it", replaces=True)
def unwatched(scene: Scene) -> None:
    with Runs(scene.stage).unwatched():
        scene.stage.signal_driver(signal.SIGKILL)
        scene.begins()
        replaced(scene)


@contextmanager
def _paused(runs: Runs, *dags: str) -> Iterator[None]:
    runs.pause(dags)
    try:
        yield
    finally:
        runs.pause(dags, False)


@fault("F11.deleted", "all DAGs deleted; when they are back, the driver killed", replaces=True)
def deleted(scene: Scene) -> None:
    runs = Runs(scene.stage)
    with unharmed(scene):
        for dag in DAGS:
            runs.delete(dag)
        _await_known(scene, runs)
        runs.prove()
    _still_watched(scene)


@fault("F11.renamed", "all DAGs renamed, and the driver killed", replaces=True, needs=frozenset({OWN_DAGS}))
def renamed(scene: Scene) -> None:
    runs = Runs(scene.stage)
    with _renamed(scene.stage):
        with unharmed(scene):
            for dag in DAGS:
                scene.stage.until(partial(_has_new_name, runs, dag), f"{dag} has its new name")
        _still_watched(scene)
    _await_known(scene, runs)


def _has_new_name(runs: Runs, dag: str) -> bool:
    return runs.known(dag + RENAMED) and not runs.known(dag)


def _await_known(scene: Scene, runs: Runs) -> None:
    for dag in DAGS:
        scene.stage.until(partial(runs.known, dag), f"{dag} is known")


@contextmanager
def _renamed(stage: Stage) -> Iterator[None]:
    """Within the block the DAGs of the stage have other names."""
    before = {file: file.read_text() for file in stage.dags.glob("*.py")}
    for file, text in before.items():
        file.write_text(NAME.sub(rf'\1\2{RENAMED}"', text))
    try:
        yield
    finally:
        for file, text in before.items():
            file.write_text(text)


def _still_watched(scene: Scene) -> None:
    """Check that a dead driver is still noticed."""
    scene.stage.signal_driver(signal.SIGKILL)
    scene.begins()
    replaced(scene)


@fault("F11.stale", "restarts for an attempt that has been replaced since", replaces=True)
def stale(scene: Scene) -> None:
    """Trigger restarts for an old attempt. Whoever asked, the task must be skipped with a reason."""
    stage, runs = scene.stage, Runs(scene.stage)
    stage.manager.restart(JOB, scene.attempt, WHO, "the attempt that others have judged is replaced")
    replaced(scene)
    with unharmed(scene):
        for by in ("health", "watch", ""):
            run = runs.start(RESTART, attempt=scene.attempt, by=by)
            skipped(runs, run)


def skipped(runs: Runs, run: str) -> None:
    """Wait until a run of the restart DAG has ended. Raises NotRunning unless its restart was skipped."""
    runs.succeed(RESTART, run)
    state = runs.task(RESTART, run, "restart").get("state")
    if state != "skipped":
        raise NotRunning(f"The restart of {run} is at {state}.", "Its attempt had been replaced: it must be skipped.")


@fault("F11.together", "two runs of deploy, each forced, and two of restart at once", replaces=True)
def together(scene: Scene) -> None:
    runs = Runs(scene.stage)
    begun = [(dag, runs.start(dag, **conf)) for dag, conf in ((DEPLOY, {"force": True}), (RESTART, {})) for _ in range(2)]
    for dag, run in begun:
        scene.notes.append(f"{dag}: {runs.end(dag, run)}")
    replaced(scene)


@fault("F11.deploys", f"{DEPLOYS} deploys at once, of a running and of a stopped job", replaces=True)
def many_deploys(scene: Scene) -> None:
    """Deploy by API and by command line at once. A running job must be left alone; a stopped one must get exactly one driver."""
    stage = scene.stage
    with unharmed(scene):
        scene.notes.append(f"running: {_deploys(stage)} of {DEPLOYS} did something")
    stage.manager.stop(JOB, WHO, "so that many can deploy it")
    stopped = stage.head().attempt
    scene.begins()
    did = _deploys(stage)
    replaced(scene)
    taken = stage.head().attempt - stopped
    scene.notes.append(f"stopped: {did} of {DEPLOYS} started a driver, {taken} attempts were taken")
    if taken != 1:
        raise NotRunning(f"{DEPLOYS} deploys at once took {taken} attempts.", "It must be one.")


def _deploys(stage: Stage) -> int:
    """Return how many of the simultaneous deploys did something."""
    doors = [manager(stage.settings) for _ in range(DOORS)]
    commands = [
        subprocess.Popen([sys.executable, "-m", "weir.cli", "deploy", JOB], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]

    def deploy(n: int) -> bool:
        try:
            return doors[n % DOORS].deploy(JOB, WHO, "all at once").changed
        except Conflict:
            return False

    with ThreadPoolExecutor(DEPLOYS) as pool:
        did = sum(pool.map(deploy, range(DEPLOYS - PROCESSES)))
    for door in doors:
        door.close()
    return did + sum(_did(command) for command in commands)


def _did(command: subprocess.Popen[bytes]) -> bool:
    """Return whether a `weir deploy` started a driver. Raises NotRunning if it failed for another reason than a simultaneous deploy."""
    told, problem = command.communicate(timeout=300)
    if command.returncode and Conflict.code.encode() not in problem:
        raise NotRunning(f"A `weir deploy` ended with {command.returncode}: {problem[-500:].decode(errors='replace')}", "It must not fail.")
    return command.returncode == 0 and b"Nothing to do" not in told + problem
