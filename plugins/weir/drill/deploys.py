"""Faults of a deploy: a version that cannot run, with and without somebody who waits for it; one that is given up; a stop under load."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

from spark_jobs import failpoint
from weir.cluster.records import JobRow
from weir.drill.dags import DEPLOY
from weir.drill.fault import FAILPOINTS, OWN_JOBS, Scene, fault
from weir.drill.runs import Runs
from weir.drill.stage import JOB, WHO, Stage
from weir.drill.steady import replaced, stays_given_up
from weir.errors import NotRunning
from weir.supervise.factory import manager
from weir.supervise.report import Verdict

# It passes the pre-flight, and every driver of it fails when its query starts.
MANAGER = re.compile(r"(?<=checkpointFileManagerClass: )\S+")
GIVEN_UP = frozenset({"crash_looping", "poisoned"})
OWN = frozenset({OWN_JOBS})
KILLED = "killed"
MOST_STARTS = 12  # twice the budget of the spec


@fault(
    "F22.deploy",
    "a version that cannot run, deployed by Airflow: taken back",
    replaces=True,
    needs=OWN,
    verdicts=GIVEN_UP,
)
def taken_back(scene: Scene) -> None:
    stage, runs, good = scene.stage, Runs(scene.stage), _wanted(scene.stage).version
    with _cannot_run(stage):
        scene.begins()
        run = runs.start(DEPLOY)
        ended = runs.end(DEPLOY, run)
    replaced(scene)
    scene.notes.append(f"the run ended as {ended}; {_wanted(stage).reason}")
    if ended != "failed" or _wanted(stage).version != good:
        raise NotRunning(
            f"The run ended as {ended}, and version {_wanted(stage).version} is wanted.", f"It must be {good} again, and be told."
        )


@fault("F22.hand", "a version that cannot run, deployed by hand: taken back by the watch", replaces=True, needs=OWN, verdicts=GIVEN_UP)
def taken_back_by_the_watch(scene: Scene) -> None:
    stage, good = scene.stage, _wanted(scene.stage).version
    with _cannot_run(stage):
        scene.begins()
        _deploy(stage, "a version that cannot run")
        stage.until(lambda: _wanted(stage).version == good, "it is taken back")
    replaced(scene)
    scene.notes.append(_wanted(stage).reason)


@fault(
    "F22.loop",
    "a good version whose every driver is killed before it begins: given up, until a person restarts it",
    replaces=True,
    needs=frozenset({FAILPOINTS}),
    called="crash_looping",
    within_s=600.0,
)
def given_up(scene: Scene) -> None:
    stage = scene.stage
    stage.arm("start", "kill")
    stage.signal_driver(signal.SIGKILL)
    scene.begins()
    while stage.until(lambda: _became(stage), "the next driver is killed, or the job given up") == KILLED:
        if stage.head().attempt > scene.attempt + MOST_STARTS:
            raise NotRunning(f"After {MOST_STARTS} drivers that were killed the job is still tried.", "Its budget must be used up.")
        stage.arm("start", "kill")
    tried = stays_given_up(scene, 10.0, 15.0)
    scene.notes.append(f"given up as attempt {tried}, {tried - scene.attempt} starts after the last good one")
    stage.disarm()
    stage.manager.restart(JOB, who=WHO, reason="mended")
    replaced(scene)


@fault(
    "F22.stop",
    "the job stopped under load, and deployed again: the batch at work lands first",
    replaces=True,
    verdicts=frozenset({"stopped"}),
)
def stopped(scene: Scene) -> None:
    stage = scene.stage
    scene.begins()
    stage.manager.stop(JOB, WHO, "a stop under load")
    last = next(a for a in stage.manager.store.attempts(JOB) if a.attempt == scene.attempt)
    if last.exit_reason != "stopped":
        raise NotRunning(f"The driver ended as {last.exit_reason or 'killed'}.", "It must land its batch and end by itself.")
    scene.pause(1.0, 3.0)
    _deploy(stage, "goes on")
    replaced(scene)


def _became(stage: Stage) -> str:
    """What has become of the newest driver, empty while nothing has."""
    if stage.manager.health(JOB).verdict is Verdict.CRASH_LOOPING:
        return str(Verdict.CRASH_LOOPING)
    return KILLED if failpoint.hit(stage.failpoints, "start") else ""


@contextmanager
def _cannot_run(stage: Stage) -> Iterator[None]:
    """The job's spec is one that no driver can run with."""
    spec = stage.jobs / JOB / "job.yaml"
    before = spec.read_text()
    spec.write_text(MANAGER.sub("no.such.Manager", before))
    try:
        yield
    finally:
        spec.write_text(before)


def _deploy(stage: Stage, reason: str) -> None:
    """What is there now, as the command line does it: by a manager that reads the specs anew."""
    with closing(manager(stage.settings)) as opened:
        opened.deploy(JOB, WHO, reason)


def _wanted(stage: Stage) -> JobRow:
    wanted = stage.manager.store.job(JOB)
    assert wanted is not None
    return wanted
