"""Find the query checkpoints below a folder, and read their progress, never their state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyarrow.fs import FileInfo, FileSelector, FileType

from weir.cluster.file_systems import Files
from weir.cluster.query_checkpoint import progress_of
from weir.ports.checkpoints import QueryProgress

OF_SPARK = ("offsets", "commits", "sources", "state")  # the folders of a query
DEPTH = 5  # of folders below the first in which a query may lie
MOST_FOLDERS = 200  # that are searched
NEWEST = 3  # files of a kind that are read: the newest one may be torn
MOST_BYTES = 4 * 1024 * 1024  # of a file: the offsets of 100,000 partitions


class TooMany(OSError):
    """There are too many folders to search."""


def queries(fs: Files, root: str) -> Sequence[QueryProgress]:
    """Return the progress of each query with a checkpoint in the folder or below it, in order. Raises OSError if one cannot be read."""
    found = [_query(fs, root, path) for path in _folders(fs, root)]
    return sorted(found, key=lambda query: query.folder)


def _folders(fs: Files, root: str) -> Iterator[str]:
    """Yield the folders of queries. Partitions of a table (`day=3`) and hidden folders are not searched."""
    ahead, looked = [root], 0
    while ahead:
        path, looked = ahead.pop(), looked + 1
        if looked > MOST_FOLDERS:
            raise TooMany(f"{root} has more than {MOST_FOLDERS} folders")
        below = [one.base_name for one in _list(fs, path) if one.type is FileType.Directory]
        own = OF_SPARK if "offsets" in below or "commits" in below else ()
        if own:
            yield path
        if path.count("/") - root.count("/") < DEPTH:
            ahead += [f"{path}/{name}" for name in below if name not in own and name[0] not in "._" and "=" not in name]


def _query(fs: Files, root: str, path: str) -> QueryProgress:
    """Read the progress of one query. Commits are listed before offsets: a batch that is planned and committed in between looks planned,
    never committed without a plan."""
    commits, planned = _numbered(fs, f"{path}/commits"), _numbered(fs, f"{path}/offsets")
    kept = sorted(commits)[-NEWEST:]
    wanted = {*sorted(planned)[-NEWEST:], *(batch for batch in kept if batch in planned)}
    return progress_of(
        folder=path.removeprefix(root).lstrip("/"),
        offsets={n: data for n in wanted if (data := _read(fs, planned[n].path)) is not None},
        commits={n: data for n in kept if (data := _read(fs, commits[n].path)) is not None},
        committed_at={n: (commits[n].mtime_ns or 0) // 1_000_000 for n in kept},
        initial=[] if commits else [data for one in _list(fs, f"{path}/sources") if (data := _read(fs, f"{one.path}/0")) is not None],
        metadata=_read(fs, f"{path}/metadata") or b"",
    )


def _numbered(fs: Files, folder: str) -> dict[int, FileInfo]:
    return {int(one.base_name): one for one in _list(fs, folder) if one.base_name.isdecimal() and one.type is FileType.File}


def _list(fs: Files, folder: str) -> list[FileInfo]:
    return list(fs.get_file_info(FileSelector(folder, allow_not_found=True)))


def _read(fs: Files, path: str) -> bytes | None:
    """Return a file's content; None if it does not exist, or was purged meanwhile."""
    try:
        with fs.open_input_stream(path) as stream:
            return bytes(stream.read(MOST_BYTES))
    except FileNotFoundError:
        return None
