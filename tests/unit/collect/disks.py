"""A disk in memory that loses what was not synced, as a power cut does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random


class PowerCut(Exception):
    """Stands for a power cut, or kill -9: nothing of the process goes on."""


@dataclass
class File:
    data: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, data), or (size, None) for a truncation

    def apply(self, at: int, data: bytes | None) -> None:
        if data is None:
            del self.data[at:]
            return
        self.data.extend(bytes(max(0, at - len(self.data))))
        self.data[at : at + len(data)] = data


@dataclass
class MemoryDisk:
    """`fuse` is asked before and after each step that changes something, with the step's name, and may raise."""

    files: dict[str, File] = field(default_factory=dict)
    safe_names: dict[str, File] = field(default_factory=dict)
    fuse: Callable[[str], None] = lambda step: None

    def names(self) -> list[str]:
        return sorted(self.files)

    def size(self, name: str) -> int:
        return len(self.files[name].data)

    def read(self, name: str, at: int, size: int) -> bytes:
        return bytes(self.files[name].data[at : at + size])

    def write(self, name: str, at: int, data: bytes) -> None:
        self.fuse("write")
        self._changed(self.files.setdefault(name, File()), at, data)
        self.fuse("written")

    def truncate(self, name: str, size: int) -> None:
        self.fuse("truncate")
        self._changed(self.files[name], size, None)

    def _changed(self, file: File, at: int, data: bytes | None) -> None:
        file.apply(at, data)
        file.pending.append((at, data))

    def sync(self, name: str) -> None:
        self.fuse("sync")
        file = self.files[name]
        file.safe, file.pending = bytes(file.data), []
        self.fuse("synced")

    def remove(self, name: str) -> None:
        self.fuse("remove")
        self.files.pop(name, None)

    def sync_names(self) -> None:
        self.fuse("sync_names")
        self.safe_names = dict(self.files)
        self.fuse("names_synced")

    def after_power_cut(self, chance: Random) -> MemoryDisk:
        """What is there afterwards: of what was not synced, a part, torn at any byte, and perhaps zeros where pages were not written."""
        names = {
            name for name in {*self.files, *self.safe_names} if (name in self.files) == (name in self.safe_names) or chance.random() < 0.5
        }
        left = {name: self._left(self.files.get(name) or self.safe_names[name], chance) for name in sorted(names)}
        return MemoryDisk(left, dict(left))

    def _left(self, file: File, chance: Random) -> File:
        found = File(bytearray(file.safe))
        for at, data in file.pending[: chance.randint(0, len(file.pending))]:
            if data is None or chance.random() < 0.6:
                found.apply(at, data)
                continue
            end = chance.randint(0, len(data))  # torn, or with zeros for what was not written; later writes may be there all the same
            hole = chance.randint(0, end) if chance.random() < 0.5 else 0
            found.apply(at, bytes(hole) + data[hole:end])
        found.safe = bytes(found.data)
        return found
