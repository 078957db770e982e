"""Faults of folding: killed after each of its steps, twice at once, under late lines, with a reader beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from drill.fault import Scene, enlist, fault
from drill.generator import Mix
from drill.stage import JOB, PATIENCE_S, Stage
from spark_jobs.counts.cells import DAY_MS, HOUR_MS
from spark_jobs.failpoint import FOLD, FOLDER, ROLL
from weir.cassandra.store import CassandraStore
from weir.counts.panes import windows
from weir.counts.query import ALL, Question, counts
from weir.errors import NotProven
from weir.factory import store

LATE = Mix(events_per_s=500, late_share=0.5, late_by_s=3600)
ROUNDS = 5
# Fold and roll up everything, open hours included, and delete what was replaced at once: harder than any schedule.
FOLD_ALL = """
import sys, time
from weir.counts.folding import fold_many, pending, pending_days, roll_up_many, sweep_many, sweepable
from weir.counts.sweep import sweep_rolls
from weir.settings import Settings
from weir.factory import store
job, opened = sys.argv[1], store(Settings.load(), 120)
now = lambda: int(time.time() * 1000)
fold_many(opened, job, pending(opened, job), now())
sweep_many(opened, job, sweepable(opened, job, now(), 0), now(), 0)
roll_up_many(opened, job, pending_days(opened, job), now())
sweep_rolls(opened, job, now())
"""


def folds(stage: Stage, armed: bool = False) -> subprocess.Popen[bytes]:
    """Start a process that folds, sweeps and rolls up everything once."""
    env = {**os.environ, "WEIR_CASSANDRA_PORT": str(stage.settings.cassandra_port), **({FOLDER: str(stage.failpoints)} if armed else {})}
    if not armed:
        env.pop(FOLDER, None)
    return subprocess.Popen([sys.executable, "-c", FOLD_ALL, JOB], env=env, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a fold. Raises NotProven with the end of its output if it failed."""
    _, told = process.communicate(timeout=600)
    if process.returncode:
        raise NotProven(
            f"A fold ended with {process.returncode}: {told[-500:].decode(errors='replace')}", "Nothing unproven was published."
        )


class Reader:
    """Queries the counts of the load's days repeatedly, in windows of a pane, an hour and a day, from its own thread.

    While the load is paused they must stay the same; while it runs, none may go down.
    """

    def __init__(self, scene: Scene) -> None:
        self.looks, self.wrong = 0, list[str]()
        self._scene, self._last = scene, dict[int, Counter[str]]()
        self._done, self._ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Wait until it has read once: the fault is then between two reads."""
        self._thread.start()
        self._ready.wait(PATIENCE_S)

    def stop(self) -> None:
        """Stop after one more read of the final state."""
        self._done.set()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        try:
            with closing(store(self._scene.stage.settings, 120)) as opened:
                while not self._done.is_set():
                    self._look(opened)
                    self._ready.set()
                self._look(opened)
        except Exception as error:  # noqa: BLE001 - the fault is played in another thread, which needs the error
            self.wrong.append(f"the reader failed: {error!r}")
        self._ready.set()

    def _look(self, opened: CassandraStore) -> None:
        for width in (self._scene.stage.rules.pane, HOUR_MS, DAY_MS):
            now = _counts(opened, self._scene, width)
            self.looks += 1
            self.wrong += [f"look {self.looks}: {change}" for change in _unseemly(self._last.get(width, now), now, self._scene.load.held)]
            self._last[width] = now


@contextmanager
def watched(scene: Scene) -> Iterator[None]:
    """Run a reader beside the block. Raises NotProven if it read wrong counts."""
    reader = Reader(scene)
    reader.start()
    try:
        yield
    finally:
        reader.stop()
    scene.notes.append(f"a reader looked {reader.looks} times")
    if reader.wrong:
        raise NotProven(reader.wrong[0], "Folding must not change any answer.")


def _counts(opened: CassandraStore, scene: Scene, width: int) -> Counter[str]:
    since = (scene.start_ms - 2 * HOUR_MS) // DAY_MS * DAY_MS
    rows = counts(opened, JOB, Question(windows(width, width, scene.stage.rules.pane), since, since + 2 * DAY_MS, levels=ALL))
    return Counter({" ".join(str(value) for name, value in row.items() if name != "n"): int(row["n"]) for row in rows})


def _unseemly(before: Counter[str], now: Counter[str], held: bool) -> list[str]:
    """Return cells that went down, or that changed although no lines came."""
    return [
        f"{cell}: {before[cell]}, then {now[cell]}"
        for cell in before.keys() | now.keys()
        if now[cell] < before[cell] or (held and now[cell] != before[cell])
    ]


def killed_at(point: str) -> Callable[[Scene], None]:
    """Fold everything with a reader beside it, by a process that dies after a step and by another one afterwards."""

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


for step in (*FOLD, *ROLL):
    enlist(f"F24.{step}", f"a fold killed after the step '{step}', and done again", killed_at(step), mix=LATE)


@fault("F24.twice", "folds that run at the same time, while late lines come", mix=LATE)
def at_once(scene: Scene) -> None:
    with watched(scene):
        for _ in range(ROUNDS):
            for process in [folds(scene.stage) for _ in range(2)]:
                finish(process)
            scene.pause(0.5, 2.0)
