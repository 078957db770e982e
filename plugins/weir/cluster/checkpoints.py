"""Read and write checkpoint folders.

Of a counting job: `<base>/<job>/epoch-E/attempt-A`. A takeover copies the folder of an earlier attempt, which a zombie may still write to.
Of a plain job: `<base>/<job>/epoch-E/shared`, for all attempts.

Spark's files are `offsets/N` (the ranges planned for batch N) and `commits/N`, each beginning with a line `v1`. There is no state to copy:
the job keeps none. Any file system of pyarrow works. Whether a folder is usable is judged in weir.supervise.judge.lineage.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import quote
from uuid import uuid4

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem
from pyarrow.lib import ArrowInvalid

from weir.cluster.query_folders import queries
from weir.errors import BadSetting, NotRunning
from weir.ports.checkpoints import Folder, QueryProgress

KINDS = ("offsets", "commits")
OTHERS = ("metadata", "sources/0/0")
COPYING = ".copying"
SHARED = "shared"
LOCAL = "file://"


class CheckpointFolders:
    def __init__(self, base: str) -> None:
        self._uri = f"{LOCAL}{base}" if base.startswith("/") else base
        self._fs, self._base = _opened(self._uri)

    def location(self, job: str, epoch: int, attempt: int | None = None) -> str:
        return f"{self._uri}/{job}/epoch-{epoch}/{SHARED if attempt is None else f'attempt-{attempt}'}"

    def progress(self, location: str) -> Sequence[QueryProgress] | None:
        try:
            ours = location.startswith(f"{self._uri}/")
            fs, path = (self._fs, self._base + location.removeprefix(self._uri)) if ours else _opened(location)
            return queries(fs, path)
        except (OSError, BadSetting):
            return None

    def attempts(self, job: str) -> Sequence[tuple[int, int]]:
        with self._or_not_running():
            found = self._fs.get_file_info(FileSelector(f"{self._base}/{job}", allow_not_found=True))
            epochs = [int(m[1]) for info in found if (m := re.fullmatch(r"epoch-(\d+)", info.base_name))]
            return sorted({(epoch, attempt) for epoch in epochs for attempt in self._in_epoch(job, epoch)})

    def read(self, job: str, epoch: int, attempt: int, newest: int | None = None) -> Folder:
        """Read a folder: offsets before commits, since a commit without its offsets is dropped, and offsets without a commit are only done
        again."""
        folder, trouble = self._path(job, epoch, attempt), dict[str, str]()
        sizes = self._sizes(folder, trouble)
        contents: dict[str, bytes] = {}
        for path in (*(p for kind in KINDS for p in _numbered(sizes, kind, newest)), *(p for p in OTHERS if p in sizes)):
            try:
                with self._fs.open_input_stream(f"{folder}/{path}") as stream:
                    contents[path] = bytes(stream.read())
            except FileNotFoundError:
                continue  # purged, or being renamed, by a zombie
            except OSError as error:
                trouble[path] = _why(error)
        return Folder(epoch, attempt, self.location(job, epoch, attempt), sizes, contents, trouble, self._writable(folder))

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        """Write a folder under another name, then rename it: a folder with its right name is whole."""
        folder = self._path(job, epoch, attempt)
        temporary = f"{folder}{COPYING}"
        with self._or_not_running():
            if self._fs.get_file_info(temporary).type is not FileType.NotFound:
                self._fs.delete_dir(temporary)
            for path in {f"{temporary}/{name}".rpartition("/")[0] for name in (*contents, "offsets/", "commits/")}:
                self._fs.create_dir(path)
            for name, data in contents.items():
                with self._fs.open_output_stream(f"{temporary}/{name}") as stream:
                    stream.write(data)
            self._fs.move(temporary, folder)

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        with self._or_not_running():
            for attempt in attempts:
                for folder in (self._path(job, epoch, attempt), self._path(job, epoch, attempt) + COPYING):
                    if self._fs.get_file_info(folder).type is FileType.Directory:
                        self._fs.delete_dir(folder)

    def try_out(self) -> None:
        """Write a file and remove it. Raises NotRunning."""
        trial = f"{self._base}/.weir-doctor-{uuid4().hex}"
        with self._or_not_running():
            self._fs.create_dir(self._base)
            with self._fs.open_output_stream(trial) as stream:
                stream.write(b"x")
            self._fs.delete_file(trial)

    def _path(self, job: str, epoch: int, attempt: int) -> str:
        return f"{self._base}/{job}/epoch-{epoch}/attempt-{attempt}"

    def _in_epoch(self, job: str, epoch: int) -> Iterator[int]:
        found = self._fs.get_file_info(FileSelector(f"{self._base}/{job}/epoch-{epoch}", allow_not_found=True))
        names = (re.fullmatch(rf"attempt-(\d+)({re.escape(COPYING)})?", info.base_name) for info in found)
        return (int(m[1]) for m in names if m)

    def _sizes(self, folder: str, trouble: dict[str, str]) -> dict[str, int]:
        """Return sizes by path below the folder, and of an interrupted copy beside it."""
        sizes: dict[str, int] = {}
        for root, prefix in ((folder, ""), (folder + COPYING, f"{folder.rpartition('/')[2]}{COPYING}/")):
            try:
                found: list[FileInfo] = self._fs.get_file_info(FileSelector(root, allow_not_found=True, recursive=True))
            except OSError as error:
                trouble[prefix] = _why(error)
                continue
            sizes |= {prefix + info.path.removeprefix(root).lstrip("/"): info.size or 0 for info in found if info.type is FileType.File}
        return sizes

    def _writable(self, folder: str) -> bool | None:
        """Return whether the folder is writable; None if unknown, as on any remote file system."""
        local = isinstance(self._fs, LocalFileSystem) and os.path.isdir(folder)  # noqa: PTH112
        return os.access(folder, os.W_OK | os.X_OK) if local else None

    @contextmanager
    def _or_not_running(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotRunning(
                f"The checkpoints at {self._uri} cannot be read or written: {_why(error)}.",
                "Check that the file system is up and that Weir's user may write there.",
            ) from error


def _opened(uri: str) -> tuple[FileSystem, str]:
    """Return the file system of a URI and the path there, read as Spark's Hadoop does: `#`, `?`, `%` and blanks are part of the path.

    pyarrow's own parser drops what follows a `#`, and so read another folder. Raises BadSetting, NotRunning.
    """
    if uri.startswith(LOCAL):
        return LocalFileSystem(), uri.removeprefix(LOCAL)
    server, slash, path = uri.partition("://")[2].partition("/")
    try:
        fs: tuple[FileSystem, str] = FileSystem.from_uri(f"{uri.partition('://')[0]}://{server}{slash}{quote(path)}")
    except ArrowInvalid as error:
        raise BadSetting(f"The folder of checkpoints {uri} cannot be read: {error}.", "Correct WEIR_CHECKPOINTS.") from error
    except OSError as error:
        raise NotRunning(f"The file system of {uri} cannot be used from here: {_why(error)}.", "Check it, and WEIR_CHECKPOINTS.") from error
    return fs


def _numbered(sizes: Mapping[str, int], kind: str, newest: int | None) -> list[str]:
    """The paths of a kind, the newest batch first."""
    numbers = sorted((int(m[1]) for path in sizes if (m := re.fullmatch(rf"{kind}/(\d+)", path))), reverse=True)
    return [f"{kind}/{n}" for n in numbers[:newest]]


def _why(error: OSError) -> str:
    return str(error.strerror or error).split(". Detail:")[0]
