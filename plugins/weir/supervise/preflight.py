"""The looks of a pre-flight: the application can be imported, the schema is there, and so is what the driver is to run on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from weir.jobs.spec import Resources
from weir.ports.cluster import Room
from weir.supervise.plan import Check

WITHIN_S = 60.0  # an import takes a second or two; ten times as long on a machine that is busy
LAST_LINES = 3
Rehearse = Callable[[Path, str], Check]  # the folder for the driver's path, and the application in it

# Run as a script has its module-level code run, and all that it imports; under another name than __main__, nothing is started.
PROGRAM = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='weir_rehearsal')"


def rehearsal(python: str, within_s: float = WITHIN_S) -> Rehearse:
    """Import an application with the driver's Python, and the path that the driver will have."""

    def rehearse(folder: Path, application: str) -> Check:
        if not (folder / application).is_file():
            return Check("application", False, f"there is no {application} beside the spec")
        env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [python, "-c", PROGRAM, str(folder / application)]
        try:
            done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=within_s, check=False)
        except subprocess.TimeoutExpired:
            return Check("application", False, f"{application} was still being imported after {within_s:.0f} s: does it start something?")
        except OSError as error:
            return Check("application", None, f"the driver's Python, {python}, cannot be tried here: {error.strerror}")
        if done.returncode:
            return Check("application", False, f"{application} cannot be imported: {_last(done.stderr) or f'exit code {done.returncode}'}")
        return Check("application", True, f"{application} can be imported")

    return rehearse


def not_rehearsed(folder: Path, application: str) -> Check:
    """For managers that have no driver's Python at hand."""
    return Check("application", None, f"{application} in {folder.name} was not imported")


def tables(pending: Sequence[str]) -> Check:
    if pending:
        lacks = ", ".join(pending)
        return Check("tables", False, f"the store lacks {lacks}: weir up applies them on the embedded stack, weir migrate elsewhere")
    return Check("tables", True, "the schema of this release")


def resources(needs: Resources, room: Room | None) -> Check:
    """Is there room at all, were nothing else running? What is busy now may be free when the driver comes."""
    if room is None:
        return Check("resources", None, "the cluster does not say what it has, or has no worker now; the driver waits for one")
    cores = 1 + (needs.cores if needs.executors else 0)
    memory = max(mebibytes(needs.driver_memory), mebibytes(needs.executor_memory) if needs.executors else 0)
    asked = f"{cores} cores, and {memory} MiB on one worker, of {room.cores} cores and {room.memory} MiB"
    return Check("resources", cores <= room.cores and memory <= room.memory, asked)


def mebibytes(memory: str) -> int:
    """`768m` or `1g`, as a spec says it."""
    return int(memory[:-1]) * (1024 if memory.endswith("g") else 1)


def _last(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-LAST_LINES:])[-500:]
