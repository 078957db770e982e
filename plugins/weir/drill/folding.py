"""Faults of folding: killed after each of its steps, twice at once, under late lines; a reader looks on all the while."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from spark_jobs.failpoint import FOLD, FOLDER
from weir.cluster.cassandra import CassandraStore
from weir.counts.panes import windows
from weir.counts.query import ALL, Question, counts
from weir.drill.fault import Scene, enlist, fault
from weir.drill.stage import JOB, Stage
from weir.errors import NotProven
from weir.generator import Mix
from weir.supervise.factory import store

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LATE = Mix(events_per_s=500, late_share=0.5, late_by_s=3600)
ROUNDS = 5
# Everything is folded, also hours that are still open, and what it replaces is deleted at once: harder than any schedule.
FOLD_ALL = """
import sys, time
from weir.counts.folding import fold_many, pending, sweep_many, sweepable
from weir.settings import Settings
from weir.supervise.factory import store
job, opened = sys.argv[1], store(Settings.load(), 120)
now = lambda: int(time.time() * 1000)
fold_many(opened, job, pending(opened, job), now())
sweep_many(opened, job, sweepable(opened, job, now(), 0), now(), 0)
"""


def folds(stage: Stage, armed: bool = False) -> subprocess.Popen[bytes]:
    """A process that folds and sweeps everything once."""
    env = {**os.environ, "WEIR_CASSANDRA_PORT": str(stage.settings.cassandra_port), **({FOLDER: str(stage.failpoints)} if armed else {})}
    if not armed:
        env.pop(FOLDER, None)
    return subprocess.Popen([sys.executable, "-c", FOLD_ALL, JOB], env=env, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Raises NotProven with its last words if a fold failed."""
    _, told = process.communicate(timeout=600)
    if process.returncode:
        raise NotProven(
            f"A fold ended with {process.returncode}: {told[-500:].decode(errors='replace')}", "Nothing unproven was published."
        )


@contextmanager
def watched(scene: Scene) -> Iterator[None]:
    """A reader that asks for the counts of the load's days all the time, in windows of a pane, an hour and a day.

    While the load is held they must stay the same; while it goes on, none may ever go down.
    """
    done, wrong, reads = threading.Event(), list[str](), 0

    def look() -> None:
        nonlocal reads
        with closing(store(scene.stage.settings, 120)) as opened:
            last: dict[int, Counter[str]] = {}
            while not (done.is_set() or wrong):
                for width in (scene.stage.rules.pane, HOUR_MS, DAY_MS):
                    now = _counts(opened, scene, width)
                    reads += 1
                    wrong.extend(f"read {reads}: {change}" for change in _unseemly(last.get(width, now), now, scene.load.held))
                    last[width] = now

    reader = threading.Thread(target=look, daemon=True)
    reader.start()
    try:
        yield
    finally:
        done.set()
        reader.join(60)
    scene.notes.append(f"a reader looked {reads} times")
    if wrong or not reads:
        raise NotProven(wrong[0] if wrong else "The reader never got to read.", "Folding must not show.")


def _counts(opened: CassandraStore, scene: Scene, width: int) -> Counter[str]:
    since = (scene.start_ms - 2 * HOUR_MS) // DAY_MS * DAY_MS
    rows = counts(opened, JOB, Question(windows(width, width, scene.stage.rules.pane), since, since + 2 * DAY_MS, levels=ALL))
    return Counter({" ".join(str(value) for name, value in row.items() if name != "n"): int(row["n"]) for row in rows})


def _unseemly(before: Counter[str], now: Counter[str], held: bool) -> list[str]:
    """Cells that went down, or that moved at all while nothing came."""
    return [
        f"{cell}: {before[cell]}, then {now[cell]}"
        for cell in before.keys() | now.keys()
        if now[cell] < before[cell] or (held and now[cell] != before[cell])
    ]


def killed_at(point: str) -> Callable[[Scene], None]:
    """What there is to fold is folded under the eyes of a reader, by a process that dies after a step and by another one after it."""

    def play(scene: Scene) -> None:
        stage = scene.stage
        if point.startswith("sweep"):
            finish(folds(stage))  # so that there is a run to be replaced, and then swept
            scene.pause(2.0, 4.0)
        scene.load.hold()
        stage.await_landed()
        with watched(scene):
            stage.arm(point, "kill")
            folds(stage, armed=True).wait(300)
            stage.hit(point)
            finish(folds(stage))
        scene.load.go_on()
        scene.healed()

    return play


for step in FOLD:
    enlist(f"F24.{step}", f"a fold killed after the step '{step}', and done again", killed_at(step), mix=LATE)


@fault("F24.twice", "folds that run at the same time, while late lines come", mix=LATE)
def at_once(scene: Scene) -> None:
    with watched(scene):
        for _ in range(ROUNDS):
            for process in [folds(scene.stage) for _ in range(2)]:
                finish(process)
            scene.pause(0.5, 2.0)
