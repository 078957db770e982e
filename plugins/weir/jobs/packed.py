"""How the code of a version lies in a store: packed, since Python imports from no URI. Spark downloads it at each start of a driver.

VERSION/code.zip        every file of the version, by its path
VERSION/JOB.zip         the same of the job's own folder, by their paths in it: executors import what lies beside the program
VERSION/JOB/NAME.jar    each JAR, which Spark wants by itself
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


def archive(folder: str) -> str:
    """Return the name of the archive of a folder of the version; of the whole version if it is empty."""
    return f"{folder}.zip" if folder else unpack.ARCHIVE


def packed(files: Mapping[str, Path]) -> Mapping[str, bytes]:
    """Return what is to be written for the files of a version, in this order."""
    tops = sorted({place.partition("/")[0] for place in files} - {OWN_JOBS.name})
    folders = {folder: {p.removeprefix(f"{folder}/"): f for p, f in files.items() if p.startswith(f"{folder}/")} for folder in tops}
    return {
        **{place: file.read_bytes() for place, file in files.items() if place.endswith(".jar")},
        **{archive(folder): _zip(below) for folder, below in folders.items()},
        archive(""): _zip(files),
        UNPACK.name: UNPACK.read_bytes(),
    }


def _zip(files: Mapping[str, Path]) -> bytes:
    """Return an archive whose bytes depend on the files alone."""
    found = io.BytesIO()
    with ZipFile(found, "w", ZIP_DEFLATED) as target:
        for place, file in sorted(files.items()):
            target.writestr(ZipInfo(place), file.read_bytes(), ZIP_DEFLATED)
    return found.getvalue()
