"""Measure the files of each batch that reads folders: before its rows are read, and again afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spark_jobs.protocol.head import Offsets
from spark_jobs.protocol.partition import Partition
from spark_jobs.protocol.read_files import File, changes, packed, unpacked
from spark_jobs.sources import files
from spark_jobs.sources.offsets import Folders

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class FilesUnsettled(Exception):
    """Files changed or disappeared between Spark's listing and the end of the evaluation. The batch must not be claimed."""


class FileWatch:
    """Measures the files of a job's folders. `read` returns a file of the checkpoint by its path, as in spark_jobs.sources.files."""

    def __init__(self, spark: SparkSession, folders: Folders, read: files.Read) -> None:
        self._spark, self._folders, self._read = spark, folders, read
        self._listed: Mapping[str, int] = {}  # modification time (ms) in Spark's list, by file of the current batch

    def measure(self, start: Offsets, end: Offsets) -> bytes:
        """Return the files between two positions as they are now, packed; empty without folders. Raises UnknownFiles."""
        self._listed = dict(one for n, folder in self._folders.items() for one in self._steps(n, Partition(folder, 0), start, end))
        return packed(files.measured(self._spark, self._listed)) if self._listed else b""

    def require_listed(self, measured: bytes) -> None:
        """Raise FilesUnsettled if a file of the current batch has another modification time than in Spark's list."""
        known = unpacked(measured)
        self._require([file._replace(modified=self._listed[file.path]) for file in known], known)

    def require_unchanged(self, measured: bytes) -> None:
        """Measure the files of the current batch again. Raise FilesUnsettled if one changed."""
        self._require(unpacked(measured), files.measured(self._spark, self._listed))

    def _steps(self, number: int, folder: Partition, start: Offsets, end: Offsets) -> list[tuple[str, int]]:
        return files.listed(self._read, number, start.get(folder, 0) - 1, end.get(folder, 0) - 1)

    def _require(self, before: list[File], now: list[File]) -> None:
        if why := changes(before, now):
            raise FilesUnsettled(f"WEIR-327: files changed while a batch was read, and nothing was written: {why}")
