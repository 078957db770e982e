"""The port of checkpoint folders. Implementations are held to tests/contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Folder:
    """A checkpoint folder as it was found. `sizes` has all its files, in bytes by path; `contents` those that Spark starts from.

    `trouble` names what could not be read or listed, with the reason. `writable` is None if unknown.
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
        """Return the contents of `offsets` or `commits`, by batch id."""
        names = ((path.rpartition("/"), data) for path, data in self.contents.items())
        return {int(name): data for (folder, _, name), data in names if folder == kind and name.isdecimal()}


Attempt = tuple[int, int]  # its epoch and its number
Ends = Mapping[str, Mapping[int, int]]  # offsets by topic and partition


@dataclass(frozen=True)
class QueryProgress:
    """How far one query of a job has come, read from its checkpoint.

    `folder`: the query's, below the job's; empty for the job's own.
    `query`: its id, which stays the same over restarts; empty if not known.
    `planned`, `committed`: the newest batch of each, -1 for none.
    `planned_ends`, `committed_ends`: where these batches end in Kafka. Empty without a Kafka source, None if not known. Before the first
    commit, `committed_ends` is where the query began.
    `committed_at`: when the newest commit was written (ms), 0 for none.
    """

    folder: str
    planned: int
    committed: int
    planned_ends: Ends | None
    committed_ends: Ends | None
    committed_at: int
    query: str = ""

    @property
    def uncommitted(self) -> int:
        """The batch that is planned and not committed: it runs, or it is the one that failed. -1 if there is none."""
        return self.planned if self.planned > self.committed else -1


class Checkpoints(Protocol):
    """The folders that drivers keep their progress in: one per attempt, so that two drivers never share one; or, of a job whose queries are
    its own, one per epoch."""

    def location(self, job: str, epoch: int, attempt: int | None = None) -> str:
        """The URI that the driver of an attempt is given; without an attempt, that of the folder which all attempts of an epoch share."""

    def progress(self, location: str) -> Sequence[QueryProgress] | None:
        """How far each query below a folder has come, by folder; none before the first query has begun, None if it cannot be learnt."""

    def attempts(self, job: str) -> Sequence[Attempt]:
        """Every (epoch, attempt) that has a folder, or the rest of a copy that was cut short, in order. Raises NotRunning."""

    def read(self, job: str, epoch: int, attempt: int, newest: int | None = None) -> Folder:
        """An attempt's folder as it is, while a driver may be writing it; only the `newest` batches' contents if that is given.
        What cannot be read is named in its `trouble`."""

    def files_read(self, job: str, epoch: int, source: int, upto: int) -> frozenset[str]:
        """The names of the files that a source of an epoch, a folder, has read up to a counter, as the newest attempt that lists them says.
        Raises NotRunning if none does."""

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        """Make an attempt's folder: there with all its files, or not at all. Raises NotRunning."""

    def copy(self, job: str, source: Attempt, target: Attempt, contents: Mapping[str, bytes], version: int, stateful: bool = False) -> str:
        """Make the folder of `target` as `put` does, with what its query needs of the folder of `source`: the state that batch `version`
        begins with (the batches before it are committed in `contents`), and the lists of files of its sources.

        `stateful` says that there must be state. Return what is missing or torn, by its file: then nothing was made. Empty if all is
        well. Raises NotRunning.
        """

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        """Remove the folders of attempts that are no longer needed. Raises NotRunning."""
