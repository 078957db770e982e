"""Read a folder that grows: as a stream, and which files a batch consists of.

Spark's offset is a counter here. Which files belong to a step of the counter is in the checkpoint, `sources/S/<counter>`, as path and
modification time; every tenth list is `<counter>.compact` and has those of all steps before it, whose own lists are deleted later. A file
that changes after it was listed gives the batch other rows when it is evaluated again: spark_jobs.protocol.read_files finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from spark_jobs.protocol.read_files import GONE, File
from spark_jobs.sources.folders import MOST_FILES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NO_LIMIT = "36500d"
AT_ONCE = 8  # files that are measured at the same time: an object store answers each in some ms

Read = Callable[[str], bytes]  # reads a file of the checkpoint by its path below it; empty if there is none


class UnknownFiles(Exception):
    """The checkpoint does not say which files a batch consists of."""


def stream(spark: SparkSession, folder: str, form: str, schema: str, options: Mapping[str, str], most: int = MOST_FILES) -> DataFrame:
    """Return the lines of the folder's files as a stream, oldest file first.

    `form` is one of folders.FORMATS, `schema` in SQL (text has none). A file is read once, even if it changes later. Spark's default
    `maxFileAge` would skip, without a warning, a file that is dated a week before the newest one.
    """
    reader: Any = spark.readStream.format(form).options(**options)
    reader = reader.option("maxFilesPerTrigger", most).option("latestFirst", "false").option("maxFileAge", NO_LIMIT)
    found: DataFrame = (reader if form == "text" else reader.schema(schema)).load(folder)
    return found


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


def measured(spark: SparkSession, paths: Iterable[str]) -> list[File]:
    """Return the files as they are now, in order. One that is gone has GONE as its size and time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(partial(_status, spark), paths))


def _status(spark: SparkSession, path: str) -> File:
    """Return a file as it is now. Spark lists paths as URIs, in which a blank is %20."""
    jvm: Any = spark._jvm
    at = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(path))
    files = at.getFileSystem(spark._jsc.hadoopConfiguration())
    if not files.exists(at):
        return File(path, GONE, GONE)
    status = files.getFileStatus(at)
    return File(path, int(status.getLen()), int(status.getModificationTime()))
