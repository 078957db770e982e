"""How the code of a version lies in a store: packed, since Python imports from no URI. Spark downloads it at each start of a driver.

VERSION/code.zip        every file of the version, by its path
VERSION/JOB.zip         those of a plain job's folder, without JARs: executors import what lies beside the program
VERSION/JOB/NAME        each file that is not Python: Spark wants JARs by themselves, and a program in a JAR reads files beside it
VERSION/unpack.py       the program that Spark starts; written last, so that a version that has it is whole
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from spark_jobs import unpack
from weir.settings import OWN_JOBS

UNPACK = Path(unpack.__file__)
FOLDER = unpack.FOLDER


def is_packed(place: str) -> bool:
    """Return whether a place of code is in a store; else it is a folder of this machine, which is not packed."""
    return "://" in place


def archive(folder: str) -> str:
    """Return the name of the archive of a folder of the version; of the whole version if it is empty."""
    return f"{folder}.zip" if folder else unpack.ARCHIVE


def packed(files: Mapping[str, Path]) -> Mapping[str, bytes]:
    """Return what is to be written for the files of a version, in this order."""
    return {
        **{place: file.read_bytes() for place, file in files.items() if not place.endswith(".py")},
        **{archive(folder): _zip(_below(folder, files)) for folder in _job_folders(files)},
        archive(""): _zip(files),
        UNPACK.name: UNPACK.read_bytes(),
    }


def _job_folders(files: Mapping[str, Path]) -> list[str]:
    """Return the folders of jobs: those in Weir's package only if the version has no runtime, as that of a plain job."""
    package = f"{OWN_JOBS.name}/"
    found = {"/".join(place.split("/")[: 2 if place.startswith(package) else 1]) for place in files}
    runtime = any(place.startswith(f"{package}runtime/") for place in files)
    return sorted(folder for folder in found if not (runtime and folder.startswith(package)))


def _below(folder: str, files: Mapping[str, Path]) -> dict[str, Path]:
    inside = {place.removeprefix(f"{folder}/"): file for place, file in files.items() if place.startswith(f"{folder}/")}
    return {place: file for place, file in inside.items() if not place.endswith(".jar")}


def _zip(files: Mapping[str, Path]) -> bytes:
    """Return an archive whose bytes depend on the files alone."""
    found = io.BytesIO()
    with ZipFile(found, "w", ZIP_DEFLATED) as target:
        for place, file in sorted(files.items()):
            target.writestr(ZipInfo(place), file.read_bytes(), ZIP_DEFLATED)
    return found.getvalue()
