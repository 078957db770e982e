"""A small file system under one folder of a stack, which can be filled without harm to the machine. Needs root."""

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
    """Within the block the folder is a file system with the same files and `room_mib` free. Yields a context manager that fills it.

    Within `away` no process uses the folder, so that the files can be moved.
    """
    with away():
        shutil.rmtree(_aside(folder), ignore_errors=True)
        # The size depends on the files: two hours of other faults had left more in Kafka's folder than a fixed size allowed.
        size = f"size={size_mib(folder) + room_mib}m"
        _exchange(folder, lambda: _run("mount", "-t", "tmpfs", "-o", size, "weir-drill", str(folder)))
    try:
        yield lambda: _full(folder)
    finally:
        with away():
            _exchange(folder, lambda: stage.until(lambda: _unmounted(folder), f"{folder} is free"))


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    """Fill all free space with a file, repeatedly, until the block ends."""
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
    """Stop servers with everything they forked, and hold the supervisor from starting them again."""
    with held(stage):
        records = StateFile(stage.home).read()
        children = {part: records[part].child() for part in parts}
        for child in children.values():
            if child:  # else it ended because of its full disk, and the supervisor starts it afterwards
                child.stop("SIGTERM", 30)
        yield
    for part, child in children.items():
        stage.await_part(part, child.pid if child else 0)


@contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """Within the block the job is stopped."""
    stage.manager.stop(JOB, WHO, "its disk is exchanged")
    yield
    stage.manager.deploy(JOB, WHO, "its disk was exchanged")


def _exchange(folder: Path, change: Callable[[], object]) -> None:
    """Move the files of a folder aside while something is mounted on it or unmounted."""
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
    """Unmount, with retries: a process that was just killed may hold a file for a moment."""
    return subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0


def size_mib(folder: Path) -> int:
    """Return the bytes that copies of a folder's files need: sparse files, such as Kafka's indexes, are filled by copying."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) // 1024**2 + 1


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
