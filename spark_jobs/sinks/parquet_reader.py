"""Read only the landed batches of a Parquet sink: with Spark, or with pyarrow (and so pandas) without Spark.

    landed(spark, "s3a://bucket/cards").createOrReplaceTempView("cards")
    landed_table("/data/cards").to_pandas()

Each call reads the batches that had a manifest when it was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.sinks.manifests import Files, landed_files, manifests

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.fs import FileSystem
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


class NothingLanded(Exception):
    """No batch has landed below this folder, so its columns are unknown."""


def landed(spark: SparkSession, path: str, schema: StructType | None = None) -> DataFrame:
    """Return all landed rows. Columns that were added later are null in earlier rows.

    Raises NothingLanded if nothing has landed and no schema is given.
    """
    from spark_jobs.sinks.hadoop_files import HadoopFiles

    base = path.rstrip("/")
    found = _files(HadoopFiles(spark, base), base)
    if schema is not None:
        return spark.read.schema(schema).parquet(*found) if found else spark.createDataFrame([], schema)
    return spark.read.option("mergeSchema", "true").parquet(*_some(found, base))


def landed_table(path: str, filesystem: FileSystem | None = None) -> pyarrow.Table:
    """Return all landed rows as a table in memory. `path` is one of the file system's, by default a local one. Raises NothingLanded.

    Of a file system only `get_file_info` and `open_input_stream` are used.
    """
    import pyarrow
    from pyarrow.fs import LocalFileSystem
    from pyarrow.parquet import read_table

    fs, base = filesystem or LocalFileSystem(), path.rstrip("/")
    tables = []
    for file in _some(_files(ArrowFiles(fs, base), base), base):
        with fs.open_input_stream(file) as stream:
            tables.append(read_table(pyarrow.BufferReader(stream.read())))
    return pyarrow.concat_tables(tables, promote_options="default")


class ArrowFiles:
    """Implements manifests.Files with a file system of pyarrow."""

    def __init__(self, filesystem: Any, base: str) -> None:
        self._fs, self._base = filesystem, base

    def sizes(self, folder: str) -> dict[str, int]:
        from pyarrow.fs import FileSelector

        found = self._fs.get_file_info(FileSelector(f"{self._base}/{folder}", allow_not_found=True))
        return {info.base_name: info.size for info in found if info.is_file}

    def read(self, path: str) -> bytes | None:
        try:
            with self._fs.open_input_stream(f"{self._base}/{path}") as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None


def _files(files: Files, base: str) -> list[str]:
    return [f"{base}/{path}" for path in landed_files(manifests(files))]


def _some(found: list[str], base: str) -> list[str]:
    if not found:
        raise NothingLanded(f"no batch has landed below {base}; check the path, or give a schema")
    return found
