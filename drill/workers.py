"""Faults of Airflow's workers: one that dies between two steps of a takeover, and all busy ones killed while their tasks live on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psutil

from drill.fault import FAILPOINTS, Scene, enlist, fault
from drill.folding import LATE
from drill.runs import Runs
from drill.stage import JOB
from drill.steady import replaced, unharmed
from drill.tasks import closed_minute
from spark_jobs.failpoint import TAKEOVER
from weir.local.process import descendants_of


def killed_at(step: str) -> Callable[[Scene], None]:
    """Kill the task that restarts the stream between two steps of the takeover. Its retry must take over again."""

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
    fold, validate, recount, deploy = (f"{JOB}_{verb}" for verb in ("fold", "validate", "recount", "deploy"))
    with unharmed(scene):
        form = closed_minute(scene, runs)
        begun = {fold: runs.start(fold), validate: runs.start(validate), recount: runs.start(recount, **form), deploy: runs.start(deploy)}
        runs.process(deploy, begun[deploy], "deploy")
        scene.pause(0.0, 1.0)
        lost = _kill_workers(scene)
        for dag, run in begun.items():
            runs.succeed(dag, run)
        scene.notes.append(f"{lost} workers were killed")
    scene.healed()


def _kill_workers(scene: Scene) -> int:
    """Kill the workers that have a task. An idle one may hold the lock of the executor's queue, which would block all further tasks."""
    lost = 0
    for process in descendants_of(str(scene.stage.home)):
        with suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if "LocalExecutor: " in title and "<idle>" not in title:
                process.kill()
                lost += 1
    return lost
