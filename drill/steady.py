"""Check that the stream continues by the same driver, and that there is only one: from the ledger, the master's page and the processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import psutil

from drill.fault import Scene, now_ms
from drill.stage import JOB, Stage
from weir.errors import NotRunning, TimedOut
from weir.local.part import get_json
from weir.local.process import descendants_of

PAUSE_S = 60.0  # between two landed batches: the spec's limit, after which a stream is called stalled
REHEARSAL = "weir.local.rehearse"  # runs the job in a JVM of its own, to archive its classes
ENDS_S = 90.0  # a superseded driver ends at its next batch


@contextmanager
def unharmed(scene: Scene, pause_s: float = PAUSE_S) -> Iterator[None]:
    """Check that batches keep landing within the block, and that at its end the driver is the same and the only one.

    Raises NotRunning if not.
    """
    stage, began = scene.stage, now_ms()
    before = stage.until(lambda: stage.head() if stage.driver() else None, "a driver runs")
    yield
    after = stage.until(stage.head, "the store answers")
    if (after.attempt, after.incarnation) != (before.attempt, before.incarnation):
        raise NotRunning(
            f"Attempt {before.attempt} was replaced by attempt {after.attempt}: {_reasons(stage, before.attempt)}.",
            "Nothing called for a restart.",
        )
    _went_on(scene, began, pause_s)
    one_driver(scene)


def replaced(scene: Scene) -> None:
    """Wait until a later attempt than the one at the fault's beginning has landed, and there is one driver."""
    stage = scene.stage
    stage.until(lambda: stage.landed_after(scene.injected_at, scene.attempt), "a later attempt lands")
    one_driver(scene)


def lands_again(scene: Scene) -> None:
    """Wait until a batch has landed since everything was healed."""
    scene.stage.until(lambda: scene.stage.landed_after(scene.healed_at), "a batch lands again")


def stays_given_up(scene: Scene, least: float, most: float) -> int:
    """Check for some seconds that nothing replaces the attempt that was given up. Raises NotRunning if something does."""
    tried = scene.stage.head().attempt
    scene.pause(least, most)
    if (now := scene.stage.head().attempt) != tried:
        raise NotRunning(f"Attempt {tried} was given up, and there is {now} now.", "Only an operator may start the next one.")
    return tried


def one_driver(scene: Scene) -> None:
    """Wait until the master and the processes know one driver, the head's. Raises NotRunning that lists the drivers."""
    stage = scene.stage
    try:
        stage.until(lambda: _alone(stage), "there is one driver", ENDS_S)
    except TimedOut as never:
        found = f"the master lists {_on_master(stage)}, the processes are {_jvms(stage)}, the head says {stage.head().incarnation!r}"
        raise NotRunning(f"There is not exactly one driver: {found}.", "It must be one.") from never


def _alone(stage: Stage) -> bool:
    head = stage.head()
    row = next(a for a in stage.manager.store.attempts(JOB) if a.attempt == head.attempt)
    return sorted(set(_on_master(stage)) - _waiting(stage)) == [row.submission_id] and _jvms(stage) == [stage.driver()]


def _waiting(stage: Stage) -> set[str]:
    """Return the submissions and ids of standbys, which are not drivers until they are promoted."""
    return {name for row in stage.manager.store.standbys(JOB) if not row.attempt for name in (row.submission_id, row.id) if name}


def _on_master(stage: Stage) -> list[str]:
    """Return the submission ids of the drivers that the master's page lists as active."""
    return [str(driver["id"]) for driver in master_page(stage)["activedrivers"]]


def master_page(stage: Stage) -> Mapping[str, Any]:
    """Return the state of workers and drivers from Spark's master. Raises NotRunning if it does not answer."""
    try:
        page: Mapping[str, Any] = get_json(f"{stage.settings.spark_ui}/json/", 10)
    except (OSError, ValueError) as error:
        raise NotRunning(f"Spark's master does not answer: {error}.", "See `weir status`.") from error
    return page


def _jvms(stage: Stage) -> list[int]:
    """Return the pids of this stack's JVMs that run the job."""
    return [process.pid for process in of_driver(stage) if "org.apache.spark.deploy.SparkSubmit" in " ".join(_command(process))]


def of_driver(stage: Stage) -> list[psutil.Process]:
    """Return every process of this stack that runs the job, JVMs and Python, without standbys and rehearsals."""
    waiting, found = _waiting(stage), descendants_of(str(stage.home))
    rehearsed = {process.pid for each in found if REHEARSAL in _command(each) for process in _below(each)}
    jobs = [each for each in found if each.pid not in rehearsed and any(word.endswith(f"{JOB}/job.py") for word in _command(each))]
    return [each for each in jobs if not any(name in word for word in _command(each) for name in waiting)]


def _below(process: psutil.Process) -> Sequence[psutil.Process]:
    with suppress(psutil.Error):
        return process.children(recursive=True)
    return ()


def _command(process: psutil.Process) -> Sequence[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return ()


def _went_on(scene: Scene, began: int, pause_s: float) -> None:
    """Raise NotRunning if nothing landed for longer than `pause_s`."""
    landed = scene.stage.until(lambda: [began, *sorted(head.landed_at for head in scene.stage.landed_since(began))], "the store answers")
    moments = [*landed, now_ms()]
    longest = max(later - earlier for earlier, later in pairwise(moments)) / 1000
    scene.notes.append(f"{len(moments) - 2} batches landed throughout, the longest pause was {longest:.1f} s")
    if longest > pause_s:
        raise NotRunning(f"Nothing landed for {longest:.1f} s.", f"The limit is {pause_s:.0f} s.")


def _reasons(stage: Stage, attempt: int) -> str:
    return "; ".join(f"{a.cause} by {a.who}: {a.reason}" for a in stage.manager.store.attempts(JOB) if a.attempt > attempt)
