"""Make a process fail on purpose, for drills. Does nothing unless the environment names a folder of armed points.

A file in the folder `WEIR_FAILPOINTS`, named after a point, arms it; its content says how to fail. The first process that gets there takes
the file, writes its id to `<point>.hit`, and fails once: a point is armed for one failure, not for ever.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

FOLDER = "WEIR_FAILPOINTS"
WAYS = ("kill", "stop", "hang", "raise")
# What a driver does with a batch, a supervisor to start one, a fold to an hour, and a roll-up to a day, each in its order.
DRIVER = ("start", "batch", "count", "ledger", "claim", "hours", "deltas", "land")
LANDED = ("start", "fence", "batch", "count", "ledger", "claim", "write", "land", "publish")  # the same of a landed job
TAKEOVER = ("takeover.note", "takeover.swap", "takeover.copy", "takeover.submit")
FOLD = ("fold.write", "fold.prove", "fold.publish", "sweep.day", "sweep.deltas", "sweep.run")
ROLL = ("roll.write", "roll.prove", "roll.publish", "sweep.roll")
SINK = ("sink.write", "sink.commit")  # of a sink: before its rows are committed, and after
POINTS = tuple(dict.fromkeys((*DRIVER, *LANDED, *TAKEOVER, *FOLD, *ROLL, *SINK)))


class Failed(Exception):
    """Raised by a point that is armed with `raise`."""


def reach(point: str) -> None:
    """Fail here, after the step called `point`, if the point is armed."""
    folder = os.environ.get(FOLDER)
    if folder:
        _fail(Path(folder) / point)


def arm(folder: Path, point: str, way: str) -> None:
    """Let the next process that reaches the point fail:

    `kill` and `stop` by signal, `hang` by never continuing, `raise` by an exception.
    """
    if point not in POINTS or way not in WAYS:
        raise ValueError(f"no such fail-point: {point} by {way}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{point}.hit").unlink(missing_ok=True)
    new = folder / f".{point}"
    new.write_text(way)
    new.rename(folder / point)


def hit(folder: Path, point: str) -> int:
    """Return the id of the process that failed at a point since it was armed; 0 for none yet."""
    try:
        return int((folder / f"{point}.hit").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _fail(armed: Path) -> None:
    taken = armed.with_name(f"{armed.name}.{os.getpid()}")
    try:
        armed.rename(taken)  # only one process succeeds
    except FileNotFoundError:
        return
    way = taken.read_text()
    taken.write_text(str(os.getpid()))
    taken.rename(armed.with_name(f"{armed.name}.hit"))
    match way:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "hang":
            while True:
                time.sleep(3600)
        case _:
            raise Failed(f"fail-point {armed.name}")
