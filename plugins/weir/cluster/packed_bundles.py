"""Bundles on HDFS or in an object store, packed. docs/stores.md says what each kind of store does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from uuid import uuid4
from zipfile import BadZipFile, ZipFile

from pyarrow.fs import FileSelector, FileType

from weir.cluster import folder_copies
from weir.cluster.file_systems import RENAMES, Files, opened, reached
from weir.errors import BadSetting, NotRunning
from weir.jobs.packed import UNPACK, archive, packed
from weir.settings import Settings


class PackedBundles:
    """Versions below the URI of the settings. A folder that is asked for is downloaded for as long as this object lives."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._uri = settings, settings.bundles.rstrip("/")
        self._renames = self._uri.partition("://")[0] in RENAMES
        self._here: tempfile.TemporaryDirectory[str] | None = None
        self._downloads = Lock()

    def publish(self, version: str, files: Mapping[str, Path]) -> None:
        with self._store() as (fs, base):
            if self._is_whole(fs, f"{base}/{version}"):
                return
            self._write(fs, f"{base}/{version}", packed(files))

    def place(self, version: str) -> str:
        return f"{self._uri}/{version}"

    def folder(self, version: str) -> Path:
        with self._downloads:
            self._here = self._here or tempfile.TemporaryDirectory(prefix="weir-bundles-")
            here = Path(self._here.name) / version
            if not here.exists():
                with self._store() as (fs, base):
                    self._download(fs, f"{base}/{version}/{archive('')}", here)
            return here

    def kept(self) -> set[str]:
        with self._store() as (fs, base):
            found = fs.get_file_info(FileSelector(base, allow_not_found=True, recursive=not self._renames))
            if self._renames:  # a folder with a version's own name is whole
                return {each.base_name for each in found if each.type is FileType.Directory and "." not in each.base_name}
            return {Path(each.path).parent.name for each in found if each.base_name == UNPACK.name}

    def drop(self, versions: Iterable[str]) -> None:
        try:
            with self._store() as (fs, base):
                for version in versions:
                    self._drop(fs, f"{base}/{version}")
        except (NotRunning, BadSetting):
            return

    def _drop(self, fs: Files, folder: str) -> None:
        """Delete a version. First it loses what says that it is whole: its name, or its unpack.py."""
        if not self._renames:
            folder_copies.delete(fs, f"{folder}/{UNPACK.name}")
        elif self._is_whole(fs, folder):
            fs.move(folder, folder := f"{folder}.{uuid4().hex}")
        folder_copies.delete(fs, folder)

    def _write(self, fs: Files, folder: str, contents: Mapping[str, bytes]) -> None:
        """Write a version, which two processes may do at once. Where no folder can be renamed, both write the same bytes to the same files,
        and a reader sees each file as a whole."""
        if not self._renames:
            folder_copies.write_files(fs, folder, contents)
            return
        folder_copies.write_files(fs, new := f"{folder}.{uuid4().hex}", contents)
        try:
            fs.move(new, folder)
        except OSError:  # somebody else published the same version first
            folder_copies.delete(fs, new)
            if not self._is_whole(fs, folder):
                raise

    def _download(self, fs: Files, path: str, here: Path) -> None:
        try:
            with fs.open_input_stream(path) as stream, ZipFile(BytesIO(stream.read())) as code:
                code.extractall(part := here.with_suffix(".part"))
            part.rename(here)
        except FileNotFoundError:
            return
        except BadZipFile as error:
            raise NotRunning(f"{path} is damaged: {error}.", "Delete its folder from the store, then deploy the job again.") from error

    def _is_whole(self, fs: Files, folder: str) -> bool:
        return fs.get_file_info(f"{folder}/{UNPACK.name}").type is FileType.File

    @contextmanager
    def _store(self) -> Iterator[tuple[Files, str]]:
        """Open the store, with the credentials that are there now."""
        with reached(f"bundles at {self._uri}"):
            yield opened(self._uri, self._settings)
