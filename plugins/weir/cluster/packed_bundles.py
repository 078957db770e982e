"""Bundles on HDFS or in an object store, packed. docs/stores.md says what each kind of store does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from uuid import uuid4
from zipfile import BadZipFile, ZipFile

from pyarrow.fs import FileSelector, FileType

from weir.cluster import folder_copies
from weir.cluster.file_systems import RENAMES, Files, opened, why
from weir.errors import NotRunning
from weir.jobs.packed import UNPACK, archive, packed
from weir.settings import Settings


class PackedBundles:
    """Versions below the URI of the settings. A folder that is asked for is downloaded for as long as this object lives."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._uri = settings, settings.bundles.rstrip("/")
        self._renames = self._uri.partition("://")[0] in RENAMES
        self._here: tempfile.TemporaryDirectory[str] | None = None

    def publish(self, version: str, files: Mapping[str, Path]) -> None:
        with self._store() as (fs, base):
            if self._is_whole(fs, f"{base}/{version}"):
                return
            self._write(fs, f"{base}/{version}", packed(files))

    def place(self, version: str) -> str:
        return f"{self._uri}/{version}"

    def folder(self, version: str) -> Path:
        self._here = self._here or tempfile.TemporaryDirectory(prefix="weir-bundles-")
        here = Path(self._here.name) / version
        if not here.exists():
            new = Path(tempfile.mkdtemp(dir=self._here.name))
            with self._store() as (fs, base):
                self._download(fs, f"{base}/{version}/{archive('')}", new)
            with suppress(OSError):  # another thread was first
                new.rename(here)
        return here

    def kept(self) -> set[str]:
        with self._store() as (fs, base):
            found = fs.get_file_info(FileSelector(base, allow_not_found=True, recursive=True))
            folders = (Path(each.path).parent.name for each in found if each.base_name == UNPACK.name)
            return {name for name in folders if "." not in name}

    def drop(self, versions: Iterable[str]) -> None:
        try:
            with self._store() as (fs, base):
                for version in versions:
                    folder_copies.delete(fs, f"{base}/{version}/{UNPACK.name}")  # first: what is left of it is not whole
                    folder_copies.delete(fs, f"{base}/{version}")
        except NotRunning:
            return

    def _write(self, fs: Files, folder: str, contents: Mapping[str, bytes]) -> None:
        """Write a version, which may be written by two at once. Where a folder cannot be renamed, each of its files appears whole, and the
        same whoever wrote it."""
        target = f"{folder}.{uuid4().hex}" if self._renames else folder
        for name, data in contents.items():
            if self._renames:
                fs.create_dir(f"{target}/{name}".rpartition("/")[0])
            folder_copies.write_file(fs, f"{target}/{name}", data)
        if self._renames:
            try:
                fs.move(target, folder)
            except OSError:  # somebody else published the same version first
                folder_copies.delete(fs, target)
                if not self._is_whole(fs, folder):
                    raise

    def _download(self, fs: Files, path: str, here: Path) -> None:
        try:
            with fs.open_input_stream(path) as stream, ZipFile(BytesIO(stream.read())) as code:
                code.extractall(here)
        except FileNotFoundError:
            return
        except BadZipFile as error:
            raise NotRunning(f"{path} is damaged: {error}.", "Delete its folder from the store, then deploy the job again.") from error

    def _is_whole(self, fs: Files, folder: str) -> bool:
        return fs.get_file_info(f"{folder}/{UNPACK.name}").type is FileType.File

    @contextmanager
    def _store(self) -> Iterator[tuple[Files, str]]:
        """Open the store, with the credentials that are there now."""
        try:
            yield opened(self._uri, self._settings)
        except OSError as error:
            raise NotRunning(
                f"The bundles at {self._uri} cannot be read or written: {why(error)}.",
                "Check that the file system is up and that Weir's user may write there.",
            ) from error
