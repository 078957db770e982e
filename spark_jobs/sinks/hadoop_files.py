"""Read and write small files below a URI with the Hadoop client of a Spark session: local, HDFS, S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MISSING = "java.io.FileNotFoundException"


class HadoopFiles:
    """Implements manifests.Files. Raises OSError."""

    def __init__(self, spark: SparkSession, base: str) -> None:
        context: Any = spark.sparkContext
        self._path = context._jvm.org.apache.hadoop.fs.Path
        self._base, self._conf = base.rstrip("/"), context._jsc.hadoopConfiguration()

    def sizes(self, folder: str) -> dict[str, int]:
        try:
            fs, path = self._at(folder)
            return {found.getPath().getName(): int(found.getLen()) for found in fs.listStatus(path) if found.isFile()}
        except Py4JJavaError as error:
            return {} if _is_missing(error) else _raise(error)

    def folders(self) -> list[str]:
        """Return the names of the folders directly below the base; empty if it does not exist."""
        try:
            fs, path = self._at(".")
            return [found.getPath().getName() for found in fs.listStatus(path) if found.isDirectory()]
        except Py4JJavaError as error:
            return [] if _is_missing(error) else _raise(error)

    def read(self, path: str) -> bytes | None:
        try:
            fs, place = self._at(path)
            stream = fs.open(place)
            try:
                return bytes(stream.readAllBytes())
            finally:
                stream.close()
        except Py4JJavaError as error:
            return None if _is_missing(error) else _raise(error)

    def write(self, path: str, data: bytes) -> None:
        """Write a file through a temporary one, so that readers never see a part of it.

        Whether an existing file is replaced depends on the store. So write the same content each time.
        """
        folder, _, name = path.rpartition("/")
        try:
            fs, new = self._at(f"{folder}/.{name}.new")
            stream = fs.create(new, True)
            stream.write(data)
            stream.close()
            if not fs.rename(new, self._at(path)[1]):
                fs.delete(new, False)
        except Py4JJavaError as error:
            _raise(error)
        if self.read(path) != data:
            raise OSError(f"{self._base}/{path} exists with other content, or could not be written: check permissions and space")

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with its content. Do nothing if it does not exist."""
        try:
            fs, place = self._at(path)
            fs.delete(place, True)
        except Py4JJavaError as error:
            _raise(error)

    def _at(self, path: str) -> tuple[Any, Any]:
        place = self._path(f"{self._base}/{path}")
        return place.getFileSystem(self._conf), place


def _is_missing(error: Py4JJavaError) -> bool:
    return bool(error.java_exception.getClass().getName() == MISSING)


def _raise(error: Py4JJavaError) -> Any:
    raise OSError(str(error.java_exception)) from error
