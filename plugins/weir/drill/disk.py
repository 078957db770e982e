"""A small file system under one folder of a stack, so that it can be full without harm to the machine. Needs root."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from weir.drill.keeper import held
from weir.drill.stage import JOB, WHO, Stage
from weir.local.state import StateFile

BALLAST = "ballast"
Away = Callable[[], AbstractContextManager[None]]


@contextmanager
def small(away: Away, folder: Path, room_mib: int) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Within the block the folder is a file system with the same files and so much room. Yields what fills it, for the time of a block.

    Within `away` nobody uses the folder: the files change places.
    """
    with away():
        # Not a size for all cases: two hours of other faults had left more in Kafka's folder than the file system was made for.
        size = f"size={size_mib(folder) + room_mib}m"
        _exchange(folder, lambda: _run("mount", "-t", "tmpfs", "-o", size, "weir-drill", str(folder)))
    try:
        yield lambda: _full(folder)
    finally:
        with away():
            _exchange(folder, lambda: _run("umount", str(folder)))


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
def away(stage: Stage, part: str) -> Iterator[None]:
    """The server has ended, and its keeper is held from starting it again; empty for the job itself, which is stopped."""
    if not part:
        stage.manager.stop(JOB, WHO, "its disk is exchanged")
        yield
        stage.manager.deploy(JOB, WHO, "its disk was exchanged")
        return
    with held(stage):
        child = StateFile(stage.home).read()[part].child()
        if child:  # else it has ended over its full disk, and its keeper starts it when it is let go
            child.stop("SIGTERM", 30)
        yield
    stage.await_part(part, child.pid if child else 0)


def _exchange(folder: Path, change: Callable[[], None]) -> None:
    """Keep the files of a folder aside while something is mounted on it, or taken off."""
    aside = folder.with_name(f"{folder.name}.aside")
    shutil.copytree(folder, aside)
    change()
    for old in folder.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(aside, folder, dirs_exist_ok=True)
    shutil.rmtree(aside)


def size_mib(folder: Path) -> int:
    """What copies of its files take: holes are filled, as those of Kafka's indexes are."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) // 1024**2 + 1


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
