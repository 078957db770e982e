"""Read and make the manifests of a Parquet sink: they name the files of landed batches, which readers may see. Pure over `Files`.

`BASE/attempt=A/batch=N/` has the files of a batch and `_written.json`, which names them. `BASE/_manifests/EEEEEEEE-NNNNNNNNNNNN.json` is
the manifest of a landed batch: it is written once and never changed. Spark and pyarrow skip names that begin with `_`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from spark_jobs.protocol.head import Head

FOLDER = "_manifests"
WRITTEN = "_written.json"
NAME = re.compile(r"(\d{8})-(\d{12})\.json")


class Files(Protocol):
    """Files below a base, by their path there."""

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Return the files directly in a folder by name, with their sizes in bytes; empty if there is no such folder."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if it does not exist."""


@dataclass(frozen=True)
class Manifest:
    """The files of one batch."""

    job: str
    epoch: int
    batch_id: int
    attempt: int  # the one that wrote the files
    rows: int
    digest: str
    files: Mapping[str, int]  # sizes in bytes, by path below the base

    def dump(self) -> bytes:
        return json.dumps({"format": 1, **asdict(self)}, sort_keys=True, indent=1).encode()

    @classmethod
    def load(cls, data: bytes) -> Manifest:
        """Raises ValueError for a file that is no manifest, or of a later format."""
        found = json.loads(data)
        if not isinstance(found, dict) or found.pop("format", None) != 1:
            raise ValueError("it is no manifest of format 1; a later release of Weir may have written it")
        return cls(**found)


def folder_of(attempt: int, batch_id: int) -> str:
    return f"attempt={attempt}/batch={batch_id}"


def path_of(epoch: int, batch_id: int) -> str:
    return f"{FOLDER}/{epoch:08d}-{batch_id:012d}.json"


def batches(files: Files) -> list[tuple[int, int]]:
    """Return epoch and batch of each manifest, in order."""
    return sorted((int(m[1]), int(m[2])) for name in files.sizes(FOLDER) if (m := NAME.fullmatch(name)))


def manifests(files: Files) -> list[Manifest]:
    """Return the landed batches in order, as of now. Raises ValueError, FileNotFoundError."""
    return [read(files, path_of(*batch)) for batch in batches(files)]


def landed_files(found: Sequence[Manifest]) -> list[str]:
    """Return the paths below the base of all files of these manifests."""
    return [path for one in found for path in one.files]


def of_written(files: Files, head: Head) -> Manifest:
    """Return the manifest of a batch, from the note of the attempt that wrote it.

    Raises FileNotFoundError if the note or a file is gone, ValueError if the note is of another batch or a file has another size.
    """
    folder = folder_of(head.by, head.batch_id)
    found = read(files, f"{folder}/{WRITTEN}")
    if (found.job, found.epoch, found.batch_id, found.attempt) != (head.job, head.epoch, head.batch_id, head.by):
        raise ValueError(f"{folder} is of {found.job}, epoch {found.epoch}: two jobs write to one folder")
    there = files.sizes(folder)
    for path, size in found.files.items():
        name = path.rpartition("/")[2]
        if name not in there:
            raise FileNotFoundError(f"{path} is gone")
        if there[name] != size:
            raise ValueError(f"{path} has {there[name]} bytes, and had {size} when it was written")
    return found


def read(files: Files, path: str) -> Manifest:
    """Return one manifest. Raises FileNotFoundError, ValueError."""
    data = files.read(path)
    if data is None:
        raise FileNotFoundError(f"{path} is gone")
    try:
        return Manifest.load(data)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
