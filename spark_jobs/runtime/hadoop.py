"""Read files of a checkpoint through Hadoop, so that it may be on any file system that Spark can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def read(spark: SparkSession, uri: str) -> bytes:
    """Return the content of a file of text; empty if there is no such file."""
    jvm: Any = spark._jvm
    files, path = _at(spark, uri)
    if not files.exists(path):
        return b""
    stream = files.open(path)
    try:
        return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")).encode()
    finally:
        stream.close()


def exists(spark: SparkSession, uri: str) -> bool:
    """Return whether a file or folder exists."""
    files, path = _at(spark, uri)
    return bool(files.exists(path))


def _at(spark: SparkSession, uri: str) -> tuple[Any, Any]:
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(uri)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path
