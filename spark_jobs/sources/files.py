"""Read a folder that grows: as a stream, and which files a batch consists of.

Spark's offset is a counter here. Which files belong to a step of the counter is in the checkpoint, `sources/S/<counter>`, as path and
modification time; every tenth list is `<counter>.compact` and has those of all steps before it, whose own lists are deleted later. A file
that changes after it was listed gives the batch other rows when it is evaluated again: `changes` finds it. No kind of job uses this yet.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from spark_jobs.sources.offsets import NO_OFFSET

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FORMATS = ("csv", "json", "text")
MOST_FILES = 1000  # of a batch, unless the spec says otherwise: what is recorded of a batch stays below 100 KB
SHOWN = 5  # files in a message
NO_LIMIT = "36500d"
GONE = -1  # the size and time of a file that does not exist

Read = Callable[[str], bytes]  # reads a file of the checkpoint by its path below it; empty if there is none


class File(NamedTuple):
    """A file of a batch: where it is, its size in bytes, and when it was last modified (ms)."""

    path: str
    size: int
    modified: int


class UnknownFiles(Exception):
    """The checkpoint does not say which files a batch consists of."""


class FilesChanged(Exception):
    """Files of a batch were changed or deleted after they were listed: evaluated again, the batch gives other rows."""


def stream(spark: SparkSession, folder: str, form: str, schema: str, options: Mapping[str, str], most: int = MOST_FILES) -> DataFrame:
    """Return the lines of the folder's files as a stream, oldest file first.

    `form` is one of FORMATS, `schema` in SQL (text has none). A file is read once, even if it changes later. Spark's default
    `maxFileAge` would skip, without a warning, a file that is dated a week before the newest one.
    """
    reader: Any = spark.readStream.format(form).options(**options)
    reader = reader.option("maxFilesPerTrigger", most).option("latestFirst", "false").option("maxFileAge", NO_LIMIT)
    found: DataFrame = (reader if form == "text" else reader.schema(schema)).load(folder)
    return found


def counter(line: str) -> int | None:
    """Return the counter in a source's line of `offsets/N`; -1 before the first file; None if the source is no folder."""
    if line == NO_OFFSET:
        return -1
    try:
        found = json.loads(line)["logOffset"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def listed(read: Read, source: int, after: int, upto: int) -> list[tuple[str, int]]:
    """Return path and modification time (ms) of the files in the steps `after` < step <= `upto` of a source. Raises UnknownFiles."""
    found: list[tuple[str, int]] = []
    for step in range(after + 1, upto + 1):
        of_step = [entry for entry in _entries(read, source, step, upto) if entry["batchId"] == step]
        if not of_step:
            raise UnknownFiles(f"sources/{source} of the checkpoint does not list the files of step {step}")
        found += [(str(entry["path"]), int(entry["timestamp"])) for entry in of_step]
    return sorted(found)


def _entries(read: Read, source: int, step: int, upto: int) -> list[dict[str, Any]]:
    """Return the entries of the first list that may contain a step: its own, or a later compact one."""
    names = (str(step), *(f"{number}.compact" for number in range(step, upto + 1)))
    data = next((data for name in names if (data := read(f"sources/{source}/{name}"))), b"")
    version, *lines = data.decode().split("\n")
    if version[:1] != "v":
        return []
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        return []


def measured(spark: SparkSession, paths: Iterable[tuple[str, int]]) -> list[File]:
    """Return the files as they are now, in order. Raises FilesChanged if one has another time than it was listed with, or is gone."""
    entries = list(paths)
    now = [_status(spark, path) for path, _ in entries]
    require_same([File(path, one.size, modified) for one, (path, modified) in zip(now, entries, strict=True)], now)
    return sorted(now)


def require_same(recorded: Sequence[File], now: Sequence[File]) -> None:
    """Raise FilesChanged unless these are the same files, with sizes and times."""
    if why := changes(recorded, now):
        raise FilesChanged(why)


def changes(recorded: Sequence[File], now: Sequence[File]) -> str:
    """Return which files of a batch differ from those that were recorded for it, and how; empty if none does."""
    before, after = {file.path: file for file in recorded}, {file.path: file for file in now}
    found = [_change(path, before.get(path), after.get(path)) for path in sorted(before.keys() | after.keys())]
    told = [text for text in found if text]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return "; ".join(told[:SHOWN]) + more


def _change(path: str, before: File | None, after: File | None) -> str:
    if before is None or after is None:
        return f"{path} was {'not read before' if before is None else 'read, and is not listed now'}"
    if after.modified == GONE:
        return f"{path} was deleted after it was listed"
    if before.size != after.size:
        return f"{path} had {before.size} bytes, and has {after.size}"
    return f"{path} was modified after it was listed" if before.modified != after.modified else ""


def digest(files: Iterable[File]) -> str:
    """Return what identifies a batch's files, with sizes and times: 64 hexadecimal digits."""
    return hashlib.sha256(_lines(files)).hexdigest()


def packed(files: Iterable[File]) -> bytes:
    """Return the files of a batch as bytes, the same for the same files: compressed lines of path, size and time, as JSON."""
    return gzip.compress(_lines(files), mtime=0)


def unpacked(data: bytes) -> list[File]:
    """Undo `packed`. Raises ValueError, OSError or EOFError on anything else."""
    return [File(*json.loads(line)) for line in gzip.decompress(data).decode().splitlines()]


def _lines(files: Iterable[File]) -> bytes:
    return b"".join(json.dumps(list(file)).encode() + b"\n" for file in sorted(files))


def _status(spark: SparkSession, path: str) -> File:
    """Return a file as it is now. Spark lists paths as URIs, in which a blank is %20."""
    jvm: Any = spark._jvm
    at = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(path))
    files = at.getFileSystem(spark._jsc.hadoopConfiguration())
    if not files.exists(at):
        return File(path, GONE, GONE)
    status = files.getFileStatus(at)
    return File(path, int(status.getLen()), int(status.getModificationTime()))
