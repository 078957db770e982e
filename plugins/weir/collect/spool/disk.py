"""The interface that a spool needs of a disk, and its implementation with a folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Protocol

SUFFIX = ".spool"


class Disk(Protocol):
    """Files by name. `sync` makes a file's content durable, `sync_names` the list of files. Every method may raise OSError."""

    def names(self) -> list[str]: ...
    def size(self, name: str) -> int: ...
    def read(self, name: str, at: int, size: int) -> bytes: ...
    def write(self, name: str, at: int, data: bytes) -> None: ...
    def truncate(self, name: str, size: int) -> None: ...
    def sync(self, name: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def sync_names(self) -> None: ...


class Folder:
    """The segments in a folder. Files stay open until they are removed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[str, int] = {}
        self._turn = threading.Lock()  # one thread writes, another one reads

    def names(self) -> list[str]:
        return sorted(file.name for file in self._path.glob(f"*{SUFFIX}"))

    def size(self, name: str) -> int:
        return os.fstat(self._file(name)).st_size

    def read(self, name: str, at: int, size: int) -> bytes:
        return os.pread(self._file(name), size, at)

    def write(self, name: str, at: int, data: bytes) -> None:
        rest, file = memoryview(data), self._file(name, os.O_CREAT)
        while rest:
            done = os.pwrite(file, rest, at)
            rest, at = rest[done:], at + done

    def truncate(self, name: str, size: int) -> None:
        os.ftruncate(self._file(name), size)

    def sync(self, name: str) -> None:
        getattr(os, "fdatasync", os.fsync)(self._file(name))  # macOS has no fdatasync

    def remove(self, name: str) -> None:
        with self._turn:
            if (file := self._open.pop(name, None)) is not None:
                os.close(file)
        (self._path / name).unlink(missing_ok=True)

    def sync_names(self) -> None:
        sync_folder(self._path)

    def close(self) -> None:
        """Close all files."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _file(self, name: str, create: int = 0) -> int:
        with self._turn:
            if name not in self._open:
                self._open[name] = os.open(self._path / name, os.O_RDWR | os.O_CLOEXEC | create, 0o600)
            return self._open[name]


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
