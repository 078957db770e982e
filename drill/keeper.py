"""Hold the stack's supervisor, so that a stopped part stays away for a while."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from drill.stage import Stage
from weir.errors import NotRunning
from weir.local import stack

AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")


@contextmanager
def held(stage: Stage) -> Iterator[None]:
    """Within the block the supervisor restarts nothing."""
    daemon = stack.supervisor()
    if daemon is None:
        raise NotRunning(f"The supervisor of {stage.home} does not run.", "The drill expected it to.")
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


@contextmanager
def away(stage: Stage, parts: Sequence[str], seconds: float = 0.0) -> Iterator[None]:
    """Kill -9 the first process of some parts, as a crash does; their children live on. The parts are back after the block."""
    with held(stage):
        killed = {part: stage.kill(part) for part in parts}
        time.sleep(seconds)
        yield
    for part, pid in killed.items():
        stage.await_part(part, pid)
