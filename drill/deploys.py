"""Faults of a deploy: a version that cannot run, deployed by DAG and by hand; one that is given up; a stop under load."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from drill.dags import DEPLOY
from drill.fault import FAILPOINTS, OWN_JOBS, Scene, enlist, fault
from drill.runs import Runs
from drill.stage import JOB, WHO, Stage
from drill.steady import replaced, stays_given_up
from spark_jobs import failpoint
from weir.errors import NotRunning
from weir.factory import manager
from weir.ports.jobs import JobRow
from weir.supervise.judge.report import Verdict

# It passes the pre-flight, and every driver of it fails when its query starts.
MANAGER = re.compile(r"(?<=checkpointFileManagerClass: )\S+")
EQUIPPED = re.compile(r"(?m)^    sink\.equip\(tools\)$")
MORE, TOO_MUCH = 900_000_000, 2_000_000_000  # bytes: not in a heap of 1 GiB, but in one of 2; in neither
GIVEN_UP = frozenset({"crash_looping", "poisoned"})
OWN = frozenset({OWN_JOBS})
KILLED = "killed"
MOST_STARTS = 12  # twice the budget of the spec


def taken_back(bad: Callable[[Stage], AbstractContextManager[None]]) -> Callable[[Scene], None]:
    """Deploy a bad version by Airflow. The run must wait for it, fail, and say what was done."""

    def play(scene: Scene) -> None:
        stage, runs, good = scene.stage, Runs(scene.stage), _wanted(scene.stage).version
        with bad(stage):
            scene.begins()
            run = runs.start(DEPLOY)
            ended = runs.end(DEPLOY, run)
        replaced(scene)
        scene.notes.append(f"the run ended as {ended}; {_wanted(stage).reason}")
        if ended != "failed" or _wanted(stage).version != good:
            found = f"The run ended as {ended}, and version {_wanted(stage).version} is wanted."
            raise NotRunning(found, f"It must be {good} again, and be told.")

    return play


@fault("F22.memory", "a version whose driver needs more memory: tried once more, with restart.larger_memory", replaces=True, needs=OWN)
def given_more_memory(scene: Scene) -> None:
    stage = scene.stage
    with _needs(stage, MORE):
        scene.begins()
        _deploy(stage, "it needs more memory")
        replaced(scene)
    ends = [a.exit_reason for a in stage.manager.store.attempts(JOB) if a.attempt > scene.attempt]
    if ends != ["", "out_of_memory"]:
        raise NotRunning(f"The attempts since have ended as {ends}, the newest first.", "The first must run out of memory, the second not.")
    _deploy(stage, "as it was")


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
    stage.manager.restart(JOB, who=WHO, reason="fixed")
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
    """Return how the newest driver ended; empty while it has not."""
    if stage.manager.health(JOB).verdict is Verdict.CRASH_LOOPING:
        return str(Verdict.CRASH_LOOPING)
    return KILLED if failpoint.hit(stage.failpoints, "start") else ""


def _cannot_run(stage: Stage) -> AbstractContextManager[None]:
    """Give the job a spec that no driver can run with."""
    return _changed(stage.jobs / JOB / "job.yaml", MANAGER, "no.such.Manager")


def _needs(stage: Stage, size: int) -> AbstractContextManager[None]:
    """Let the job's driver allocate so many bytes in one piece before its query starts."""
    return _changed(stage.jobs / JOB / "job.py", EQUIPPED, rf"\g<0>\n    tools.spark._jvm.java.nio.ByteBuffer.allocate({size})")


@contextmanager
def _changed(file: Path, what: re.Pattern[str], into: str) -> Iterator[None]:
    before = file.read_text()
    changed, found = what.subn(into, before)
    assert found == 1, file
    file.write_text(changed)
    try:
        yield
    finally:
        file.write_text(before)


def _deploy(stage: Stage, reason: str) -> None:
    """Deploy what is there now, as the command line does: by a manager that reads the specs again."""
    with closing(manager(stage.settings)) as opened:
        opened.deploy(JOB, WHO, reason)


def _wanted(stage: Stage) -> JobRow:
    wanted = stage.manager.store.job(JOB)
    assert wanted is not None
    return wanted


for name, what, bad in (
    ("deploy", "cannot run", _cannot_run),
    ("memory.more", "needs too much memory", lambda stage: _needs(stage, TOO_MUCH)),
):
    title = f"a version that {what}, deployed by Airflow: taken back"
    enlist(f"F22.{name}", title, taken_back(bad), replaces=True, needs=OWN, verdicts=GIVEN_UP)
