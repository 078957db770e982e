"""The port of checkpoint folders. Implementations are held to tests/contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Folder:
    """A checkpoint folder as it was found. `sizes` has all its files, in bytes by path; `contents` those that Spark starts from.

    `trouble` names what could not be read or listed, with why. `writable` is None where nobody can say.
    """

    epoch: int
    attempt: int
    location: str
    sizes: Mapping[str, int]
    contents: Mapping[str, bytes]
    trouble: Mapping[str, str] = field(default_factory=dict)
    writable: bool | None = None

    @property
    def exists(self) -> bool:
        return bool(self.sizes or self.trouble)

    def numbered(self, kind: str) -> Mapping[int, bytes]:
        """The contents of `offsets` or `commits`, by batch id."""
        names = ((path.rpartition("/"), data) for path, data in self.contents.items())
        return {int(name): data for (folder, _, name), data in names if folder == kind and name.isdecimal()}


class Checkpoints(Protocol):
    """The folders that drivers keep their progress in: one per attempt, so that two drivers never share one."""

    def location(self, job: str, epoch: int, attempt: int) -> str:
        """The URI that the driver of an attempt is given."""

    def attempts(self, job: str) -> Sequence[tuple[int, int]]:
        """Every (epoch, attempt) that has a folder, or the rest of a copy that was cut short, in order. Raises NotRunning."""

    def read(self, job: str, epoch: int, attempt: int, newest: int | None = None) -> Folder:
        """An attempt's folder as it is, while a driver may be writing it; only the `newest` batches' contents if that is given.
        What cannot be read is named in its `trouble`."""

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        """Make an attempt's folder: there with all its files, or not at all. Raises NotRunning."""

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        """Remove the folders of attempts that nobody goes back to. Raises NotRunning."""
