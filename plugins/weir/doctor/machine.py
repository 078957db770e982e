"""This machine: Python, Java, memory, disk, cores, the user, the locale. What the system says comes in as plain values."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from weir.doctor.line import Line, fine, unknown, wrong
from weir.errors import Prerequisite
from weir.local.preflight import JAVA, folder_problem, java_path, java_problem, java_version
from weir.settings import PROJECT
from weir.system_errors import named

GIB = 1024**3
MEMORY_GIB = 6.0  # of the whole embedded stack, before it runs
SPARE_GIB = 0.5  # while it runs
DISK_GIB = 2.0
PYTHONS = ((3, 11), (3, 13))


def machine(state: Path, embedded: bool, running: bool) -> Iterator[Line]:
    """`embedded`: this machine runs the servers, or shall; `running`: they run now."""
    yield python(sys.version_info[:2])
    yield java(embedded)
    yield cores(os.cpu_count() or 0, embedded)
    yield memory(psutil.virtual_memory().available / GIB, embedded, running)
    yield disk(_existing(state), shutil.disk_usage(_existing(state)).free / GIB)
    yield user(os.environ.get("HOME", ""), embedded)
    yield temporary()


def python(version: tuple[int, ...]) -> Line:
    text = ".".join(map(str, version))
    if PYTHONS[0] <= version <= PYTHONS[1]:
        return fine("Python", text)
    return wrong("Python", f"this is Python {text}", "Install Weir with Python 3.11 to 3.13.", Prerequisite.code)


def java(needed: bool) -> Line:
    found = java_path()
    if not needed:
        return fine("Java", f"version {java_version(found)}" if found else "none, and none is needed: no server runs on this machine")
    problem = java_problem()
    if problem:
        cure = f"Install Java {JAVA}, such as openjdk-{JAVA}-jre-headless, or set JAVA_HOME to it."
        return wrong("Java", f"{problem.partition('. ')[0]}.", cure, Prerequisite.code)
    return fine("Java", f"version {java_version(str(found))}")


def cores(number: int, embedded: bool) -> Line:
    if embedded and number < 2:
        return wrong("cores", f"{number}", "The whole stack needs 2. Starts take minutes here.", Prerequisite.code)
    return fine("cores", str(number))


def memory(free_gib: float, embedded: bool, running: bool) -> Line:
    needed = (SPARE_GIB if running else MEMORY_GIB) if embedded else 0.2
    told = f"{free_gib:.1f} GiB free"
    if free_gib < needed:
        return wrong("memory", told, f"{needed:g} GiB are needed. End other programs, or use a larger machine.", Prerequisite.code)
    return fine("memory", told)


def disk(place: Path, free_gib: float) -> Line:
    told = f"{free_gib:.1f} GiB free at {place}"
    if free_gib < DISK_GIB:
        return wrong("disk", told, f"{DISK_GIB:g} GiB are needed. Free some space, or set WEIR_HOME to a folder on another disk.")
    return fine("disk", told)


def user(home: str, embedded: bool) -> Line:
    """Check that the user has a name: PostgreSQL and Spark refuse to run without."""
    who = named(os.geteuid())
    if who.startswith("user id") and embedded:
        return wrong("user", f"{who} has no name", "Run the stack as a user with a name: add it to /etc/passwd.", Prerequisite.code)
    return fine("user", who + ("" if home else "; HOME is not set, and none is needed"))


def temporary() -> Line:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
    except OSError as error:
        return wrong("temporary files", f"cannot be written: {error.strerror or error}", "Set TMPDIR to a folder that can be written.")
    set_to = os.environ.get("TMPDIR", "")
    if set_to and Path(set_to).resolve() != Path(tempfile.gettempdir()).resolve():
        return unknown("temporary files", f"TMPDIR is {set_to}, which cannot be used; {tempfile.gettempdir()} is used", "Correct TMPDIR.")
    return fine("temporary files", tempfile.gettempdir())


def clone() -> Line:
    """Check that the servers can run from this folder."""
    problem = folder_problem(str(PROJECT))
    return wrong("folder of the code", problem, "", Prerequisite.code) if problem else fine("folder of the code", str(PROJECT))


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())
