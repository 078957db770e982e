"""A small file system under one folder of a stack, so that it can be full without harm to the machine. Needs root."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from drill.keeper import held
from drill.stage import JOB, WHO, Stage
from weir.local.state import StateFile

BALLAST = "ballast"
Away = Callable[[], AbstractContextManager[None]]


@contextmanager
def small(stage: Stage, away: Away, folder: Path, room_mib: int) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Within the block the folder is a file system with the same files and so much room. Yields what fills it, for the time of a block.

    Within `away` nobody uses the folder: the files change places.
    """
    with away():
        shutil.rmtree(_aside(folder), ignore_errors=True)
        # Not a size for all cases: two hours of other faults had left more in Kafka's folder than the file system was made for.
        size = f"size={size_mib(folder) + room_mib}m"
        _exchange(folder, lambda: _run("mount", "-t", "tmpfs", "-o", size, "weir-drill", str(folder)))
    try:
        yield lambda: _full(folder)
    finally:
        with away():
            _exchange(folder, lambda: stage.until(lambda: _unmounted(folder), f"nobody uses {folder}"))


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    """A file takes all the room that is left, again and again, until the block ends."""
    ballast = folder / BALLAST
    try:
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(64 * 1024))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        yield
    finally:
        ballast.unlink(missing_ok=True)


@contextmanager
def ended(stage: Stage, *parts: str) -> Iterator[None]:
    """Servers have ended, with all that they have forked, and their keeper is held from starting them again."""
    with held(stage):
        records = StateFile(stage.home).read()
        children = {part: records[part].child() for part in parts}
        for child in children.values():
            if child:  # else it has ended over its full disk, and its keeper starts it when it is let go
                child.stop("SIGTERM", 30)
        yield
    for part, child in children.items():
        stage.await_part(part, child.pid if child else 0)


@contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """The job is stopped."""
    stage.manager.stop(JOB, WHO, "its disk is exchanged")
    yield
    stage.manager.deploy(JOB, WHO, "its disk was exchanged")


def _exchange(folder: Path, change: Callable[[], object]) -> None:
    """Keep the files of a folder aside while something is mounted on it, or taken off."""
    aside = _aside(folder)
    shutil.copytree(folder, aside)
    change()
    for old in folder.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(aside, folder, dirs_exist_ok=True)
    shutil.rmtree(aside)


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.aside")


def _unmounted(folder: Path) -> bool:
    """A process that has just been killed may hold a file for a moment."""
    return subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0


def size_mib(folder: Path) -> int:
    """What copies of its files take: holes are filled, as those of Kafka's indexes are."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) // 1024**2 + 1


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
