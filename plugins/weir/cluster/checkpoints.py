"""Read and write checkpoint folders.

Of a counting job: `<base>/<job>/epoch-E/attempt-A`. A takeover copies the folder of an earlier attempt, which a zombie may still write to.
Of a plain job: `<base>/<job>/epoch-E/shared`, for all attempts.

Spark's files are `offsets/N` (the ranges planned for batch N) and `commits/N`, each beginning with a line `v1`. A counting job keeps no
state; of a job that does, weir.cluster.state_copies chooses the files. Whether a folder is usable is judged in
weir.supervise.judge.lineage. docs/stores.md says what each kind of store does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

from pyarrow.fs import FileSelector, FileType, LocalFileSystem

from weir.cluster import folder_copies, source_lists, state_copies
from weir.cluster.file_systems import RENAMES, Files, opened, reached, why
from weir.cluster.folder_copies import COPYING
from weir.cluster.query_folders import queries
from weir.cluster.state_copies import Incomplete
from weir.errors import BadSetting, NotRunning
from weir.ports.checkpoints import Attempt, Folder, QueryProgress
from weir.settings import Settings, as_uri

KINDS = ("offsets", "commits")
OTHERS = re.compile(r"metadata|sources/\d+/0")
SHARED = "shared"
TRIES = 3  # a driver that is still alive deletes old state while it is copied


class CheckpointFolders:
    """The folders below a path or URI. Raises BadSetting, NotRunning if its file system cannot be used from here."""

    def __init__(self, base: str, settings: Settings | None = None) -> None:
        self._uri, self._settings = as_uri(base), settings or Settings(home="")
        self._renames = self._uri.partition("://")[0] in RENAMES
        fs, self._base = opened(self._uri, self._settings)
        self._opened: Files | None = fs

    @property
    def _fs(self) -> Files:
        """The file system, opened anew after an error: with the credentials that are there now."""
        self._opened = self._opened or opened(self._uri, self._settings)[0]
        return self._opened

    def location(self, job: str, epoch: int, attempt: int | None = None) -> str:
        return f"{self._uri}/{job}/epoch-{epoch}/{SHARED if attempt is None else f'attempt-{attempt}'}"

    def progress(self, location: str) -> Sequence[QueryProgress] | None:
        try:
            ours = location.startswith(f"{self._uri}/")
            fs, path = (self._fs, self._base + location.removeprefix(self._uri)) if ours else opened(location, self._settings)
            return queries(fs, path)
        except (OSError, BadSetting, NotRunning):
            self._opened = None
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
        for path in (*(p for kind in KINDS for p in _numbered(sizes, kind, newest)), *filter(OTHERS.fullmatch, sizes)):
            try:
                with self._fs.open_input_stream(f"{folder}/{path}") as stream:
                    contents[path] = bytes(stream.read())
            except FileNotFoundError:
                continue  # purged, or being renamed, by a zombie
            except OSError as error:
                trouble[path] = why(error)
        return Folder(epoch, attempt, self.location(job, epoch, attempt), sizes, contents, trouble, self._writable(folder))

    def files_read(self, job: str, epoch: int, source: int, upto: int) -> frozenset[str]:
        for attempt in reversed([a for e, a in self.attempts(job) if e == epoch]):
            with self._or_not_running(), suppress(ValueError, KeyError, TypeError, FileNotFoundError):
                return self._files_read(f"{self._path(job, epoch, attempt)}/sources/{source}", upto)
        raise source_lists.unlisted(job, upto)

    def _files_read(self, folder: str, upto: int) -> frozenset[str]:
        there = [info.base_name for info in self._fs.get_file_info(FileSelector(folder)) if info.type is FileType.File]
        found = list[str]()
        for name in source_lists.needed(there, upto):
            with self._fs.open_input_stream(f"{folder}/{name}") as stream:
                found += source_lists.names(bytes(stream.read()))
        return frozenset(found)

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        with self._or_not_running():
            folder_copies.write(self._fs, self._path(job, epoch, attempt), contents, self._renames)

    def copy(self, job: str, source: Attempt, target: Attempt, contents: Mapping[str, bytes], version: int, stateful: bool = False) -> str:
        for _ in range(TRIES):
            with self._or_not_running():
                try:
                    self._copy(self._path(job, *source), job, target, contents, version, stateful)
                except Incomplete as why:
                    return str(why)
                except FileNotFoundError:
                    continue
                return ""
        said = f"The checkpoint of attempt {source[1]} of {job} changes while it is copied: its driver still runs."
        raise NotRunning(said, "Try again.")

    def _copy(self, old: str, job: str, target: Attempt, contents: Mapping[str, bytes], version: int, stateful: bool) -> None:
        with folder_copies.several() as pool:
            needed = state_copies.needed(_Folder(self._fs, old), version, self.location(job, *target), contents, stateful, pool.map)

        def bring(new: str) -> None:
            folder_copies.copy_files(self._fs, old, new, needed.files)

        folder_copies.write(self._fs, self._path(job, *target), {**needed.contents, **contents}, self._renames, bring)

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        with self._or_not_running():
            for attempt in attempts:  # the folder first: one that is deleted in part still has what says so
                for folder in (self._path(job, epoch, attempt), self._path(job, epoch, attempt) + COPYING):
                    folder_copies.delete(self._fs, folder)

    def try_out(self) -> None:
        """Write a folder as a takeover does, list it, replace a file, read all and delete it. Raises NotRunning."""
        job, contents = f".weir-doctor-{uuid4().hex}", {"metadata": b"{}", "offsets/0": b"v1"}
        self.put(job, 1, 1, contents)
        try:
            with self._or_not_running():
                folder_copies.write_file(self._fs, f"{self._path(job, 1, 1)}/metadata", b"{ }")
            if list(self.attempts(job)) != [(1, 1)] or self.read(job, 1, 1).contents != {**contents, "metadata": b"{ }"}:
                said = f"What is read at {self._uri} is not what was just written there."
                raise NotRunning(said, "Use a store that lists and reads at once what was written.")
        finally:
            with self._or_not_running():
                folder_copies.delete(self._fs, f"{self._base}/{job}")

    def _path(self, job: str, epoch: int, attempt: int) -> str:
        return f"{self._base}/{job}/epoch-{epoch}/attempt-{attempt}"

    def _in_epoch(self, job: str, epoch: int) -> Iterator[int]:
        found = self._fs.get_file_info(FileSelector(f"{self._base}/{job}/epoch-{epoch}", allow_not_found=True))
        names = (re.fullmatch(rf"attempt-(\d+)({re.escape(COPYING)})?", info.base_name) for info in found)
        return (int(m[1]) for m in names if m)

    def _sizes(self, folder: str, trouble: dict[str, str]) -> dict[str, int]:
        try:
            return folder_copies.sizes(self._fs, folder)
        except OSError as error:
            trouble[""] = why(error)
            self._opened = None
            return {}

    def _writable(self, folder: str) -> bool | None:
        """Return whether the folder is writable; None if unknown, as on any remote file system."""
        local = isinstance(self._fs, LocalFileSystem) and os.path.isdir(folder)  # noqa: PTH112
        return os.access(folder, os.W_OK | os.X_OK) if local else None

    @contextmanager
    def _or_not_running(self) -> Iterator[None]:
        try:
            with reached(f"checkpoints at {self._uri}"):
                yield
        except NotRunning:
            self._opened = None
            raise


class _Folder:
    """A folder, as `state_copies` reads it."""

    def __init__(self, fs: Files, folder: str) -> None:
        self._fs, self._folder = fs, folder
        self.sizes, self.near = folder_copies.sizes(fs, folder), isinstance(fs, LocalFileSystem)

    def read(self, path: str, offset: int, length: int) -> bytes:
        with self._fs.open_input_file(f"{self._folder}/{path}") as file:
            return bytes(file.read_at(length, offset))


def _numbered(sizes: Mapping[str, int], kind: str, newest: int | None) -> list[str]:
    """The paths of a kind, the newest batch first."""
    numbers = sorted((int(m[1]) for path in sizes if (m := re.fullmatch(rf"{kind}/(\d+)", path))), reverse=True)
    return [f"{kind}/{n}" for n in numbers[:newest]]
