"""Checkpoint folders: `<base>/<job>/epoch-E/attempt-A`. A takeover copies the newest earlier attempt's; a zombie may still be writing it.

Spark's files are `offsets/N` (the ranges planned for batch N) and `commits/N`, each beginning with a line `v1`. There is no state to copy:
the job keeps none. Any file system that pyarrow knows will do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pyarrow.fs import FileSelector, FileSystem, FileType

from spark_jobs.offsets import parse_offsets

KEEP_BATCHES = 3  # the last committed one, the planned one, and one more
KEEP_ATTEMPTS = 3


@dataclass(frozen=True)
class Content:
    """What a folder holds: whole files only, by batch id."""

    offsets: Mapping[int, bytes]
    commits: Mapping[int, bytes]
    other: Mapping[str, bytes]


class CheckpointFolders:
    def __init__(self, base: str) -> None:
        self._uri = base if "://" in base else f"file://{base}"
        self._fs, self._base = FileSystem.from_uri(self._uri)

    def location(self, job: str, epoch: int, attempt: int) -> str:
        return f"{self._uri}/{job}/epoch-{epoch}/attempt-{attempt}"

    def copy_for(self, job: str, epoch: int, attempt: int) -> int | None:
        folder = f"{self._base}/{job}/epoch-{epoch}"
        earlier = [a for a in self._attempts(folder) if a < attempt]
        for source in sorted(earlier, reverse=True):
            content = usable(self._read(f"{folder}/attempt-{source}"))
            if content is not None:
                self._write(f"{folder}/attempt-{attempt}", content)
                self._forget(folder, sorted(earlier)[:-KEEP_ATTEMPTS])
                return max(content.offsets, default=-1)
        return None

    def _attempts(self, folder: str) -> list[int]:
        found = self._fs.get_file_info(FileSelector(folder, allow_not_found=True))
        names = (re.fullmatch(r"attempt-(\d+)", info.base_name) for info in found if info.type is FileType.Directory)
        return [int(m[1]) for m in names if m]

    def _read(self, folder: str) -> Content:
        """Offsets are read before commits: a commit without its offsets is dropped, offsets without a commit are only done again."""
        offsets = self._numbered(f"{folder}/offsets")
        commits = self._numbered(f"{folder}/commits")
        other: dict[str, bytes] = {}
        for name in ("metadata", "sources/0/0"):
            if self._fs.get_file_info(f"{folder}/{name}").type is FileType.File:
                other[name] = self._bytes(f"{folder}/{name}")
        return Content(offsets, commits, other)

    def _numbered(self, folder: str) -> dict[int, bytes]:
        infos = self._fs.get_file_info(FileSelector(folder, allow_not_found=True))
        numbers = sorted((int(i.base_name) for i in infos if i.base_name.isdecimal()), reverse=True)
        files = {}
        for n in numbers[:KEEP_BATCHES]:
            try:
                files[n] = self._bytes(f"{folder}/{n}")
            except FileNotFoundError:
                continue  # purged, or being renamed, by a zombie
        return files

    def _bytes(self, path: str) -> bytes:
        with self._fs.open_input_stream(path) as stream:
            return bytes(stream.read())

    def _write(self, folder: str, content: Content) -> None:
        """Written under another name and then renamed: a folder with its right name is whole."""
        temporary = f"{folder}.copying"
        if self._fs.get_file_info(temporary).type is not FileType.NotFound:
            self._fs.delete_dir(temporary)
        for kind, files in (("offsets", content.offsets), ("commits", content.commits)):
            self._fs.create_dir(f"{temporary}/{kind}")
            for n, data in files.items():
                self._put(f"{temporary}/{kind}/{n}", data)
        for name, data in content.other.items():
            self._fs.create_dir(f"{temporary}/{name}".rpartition("/")[0])
            self._put(f"{temporary}/{name}", data)
        self._fs.move(temporary, folder)

    def _put(self, path: str, data: bytes) -> None:
        with self._fs.open_output_stream(path) as stream:
            stream.write(data)

    def _forget(self, folder: str, attempts: list[int]) -> None:
        for attempt in attempts:
            self._fs.delete_dir(f"{folder}/attempt-{attempt}")


def usable(content: Content) -> Content | None:
    """The part of a folder that a driver can start from, or None if there is none.

    Torn files (a copy beside a writer, a power cut) are dropped from the end; what is kept is a committed batch and at most one planned
    after it. With nothing planned at all, a folder is only usable if it says so by its metadata.
    """
    if not content.other.get("metadata", b"").strip():
        return None
    offsets = {n: data for n, data in content.offsets.items() if parse_offsets(data) is not None}
    commits = {n: data for n, data in content.commits.items() if n in offsets and data.startswith(b"v1")}
    if not commits:  # at most the first batch was planned
        return Content(offsets, {}, content.other) if set(content.offsets) <= {0} else None
    last = max(commits)
    kept = {n: data for n, data in offsets.items() if n in (last - 1, last, last + 1)}
    return Content(kept, {n: data for n, data in commits.items() if n in kept}, content.other)
