"""HDFS over its REST interface: https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html

pyarrow's own HDFS needs libhdfs and a JVM in each process of Airflow. fsspec's client sets no time limit, ignores that a rename was
refused, and does not know a standby NameNode: see docs/decisions/0034.
"""

from __future__ import annotations

import getpass
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

from pyarrow.fs import FileInfo, FileType

ANSWER_S = 10.0
PART = 16 * 1024 * 1024  # bytes of a file that are in memory at once
TYPES = {"FILE": FileType.File, "DIRECTORY": FileType.Directory}
ERRORS = {
    "FileNotFoundException": FileNotFoundError,
    "AccessControlException": PermissionError,
    "FileAlreadyExistsException": FileExistsError,
}
OF_THE_FILE = tuple(ERRORS.values())


class WebHdfs:
    """One or several NameNodes, `http://host:port`, one of which is active. The user is that of the process if none is given.

    Every method raises OSError; a NameNode that does not answer is one, too.
    """

    def __init__(self, addresses: Sequence[str], user: str = "") -> None:
        self._addresses, self._user = list(addresses), user or getpass.getuser()

    def get_file_info(self, asked: Any) -> Any:
        """Return the FileInfo of a path, or those that a FileSelector selects."""
        if isinstance(asked, str):
            return self._info(asked)
        try:
            return list(self._below(asked.base_dir, asked.recursive))
        except FileNotFoundError:
            if asked.allow_not_found:
                return []
            raise

    def create_dir(self, path: str) -> None:
        self._done("PUT", "MKDIRS", path)

    def delete_dir(self, path: str) -> None:
        self._done("DELETE", "DELETE", path, recursive="true")

    def delete_file(self, path: str) -> None:
        self._done("DELETE", "DELETE", path, recursive="false")

    def move(self, src: str, dest: str) -> None:
        """Rename in one step. Raises FileExistsError: HDFS itself would move a folder into one that is there."""
        if self._info(dest).type is not FileType.NotFound:
            raise FileExistsError(f"{dest} is there")
        self._done("PUT", "RENAME", src, destination=dest)

    def open_input_stream(self, path: str) -> io.BytesIO:
        return io.BytesIO(self._ask("GET", "OPEN", path))

    def open_input_file(self, path: FileInfo | str) -> _Parts:
        return _Parts(self, path if isinstance(path, str) else path.path)

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Return a part of a file, or as much of it as there is."""
        return self._ask("GET", "OPEN", path, offset=str(offset), length=str(length)) if length else b""

    def copy_file(self, src: str, dest: str) -> None:
        """Copy a file through this machine, in parts: HDFS cannot copy one by itself."""
        size = self._info(src).size
        if size is None:
            raise FileNotFoundError(f"{src} is not there")
        self.write(dest, self.read_part(src, 0, min(size, PART)))
        for offset in range(PART, size, PART):
            self._append(dest, self.read_part(src, offset, PART))

    def open_output_stream(self, path: str) -> io.BytesIO:
        return _Upload(self, path)

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file. The NameNode names the DataNode that takes it."""
        answer = self._object("PUT", "CREATE", path, overwrite="true", noredirect="true")
        _send("PUT", str(answer["Location"]), data)

    def _append(self, path: str, data: bytes) -> None:
        answer = self._object("POST", "APPEND", path, noredirect="true")
        _send("POST", str(answer["Location"]), data)

    def _info(self, path: str) -> FileInfo:
        try:
            return _file_info(path, self._object("GET", "GETFILESTATUS", path)["FileStatus"])
        except FileNotFoundError:
            return FileInfo(path, FileType.NotFound)

    def _below(self, folder: str, recursive: bool) -> Iterator[FileInfo]:
        for status in self._object("GET", "LISTSTATUS", folder)["FileStatuses"]["FileStatus"]:
            found = _file_info(f"{folder.rstrip('/')}/{status['pathSuffix']}", status)
            yield found
            if recursive and found.type is FileType.Directory:
                yield from self._below(found.path, recursive)

    def _done(self, method: str, operation: str, path: str, **options: str) -> None:
        if not self._object(method, operation, path, **options).get("boolean", True):
            raise OSError(f"HDFS refused {operation} of {path}")

    def _object(self, method: str, operation: str, path: str, **options: str) -> dict[str, Any]:
        text = self._ask(method, operation, path, **options)
        return dict(json.loads(text)) if text else {}

    def _ask(self, method: str, operation: str, path: str, **options: str) -> bytes:
        """Ask the NameNode that answered last, then the others. Raises the last one's error."""
        query = f"/webhdfs/v1{quote(path)}?{urlencode({'op': operation, 'user.name': self._user, **options})}"
        failed: OSError = OSError("no NameNode is set")
        for address in list(self._addresses):
            try:
                answer = _send(method, address.rstrip("/") + query)
            except OF_THE_FILE:
                raise
            except OSError as error:  # away, or a standby: it says StandbyException
                failed = error
                continue
            self._addresses = sorted(self._addresses, key=lambda each: each != address)  # a new list: threads read the old one
            return answer
        raise failed


class _Parts:
    """A file that is read in parts."""

    def __init__(self, fs: WebHdfs, path: str) -> None:
        self._fs, self._path = fs, path

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read_at(self, nbytes: int, offset: int) -> bytes:
        return self._fs.read_part(self._path, offset, nbytes)


class _Upload(io.BytesIO):
    """A file that is sent when it is closed."""

    def __init__(self, fs: WebHdfs, path: str) -> None:
        super().__init__()
        self._fs, self._path = fs, path

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._fs.write(self._path, data)


def _file_info(path: str, status: dict[str, Any]) -> FileInfo:
    kind = TYPES.get(str(status["type"]), FileType.Unknown)
    size = int(status["length"]) if kind is FileType.File else None
    return FileInfo(path, kind, size=size, mtime_ns=int(status["modificationTime"]) * 1_000_000)


def _send(method: str, url: str, data: bytes | None = None) -> bytes:
    headers = {} if data is None else {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  (of a NameNode, or named by one)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise _meant(error) from None
    except HTTPException as error:
        raise OSError(f"{request.host} broke off its answer: {error!r}") from error


def _meant(error: urllib.error.HTTPError) -> OSError:
    try:
        said = json.loads(error.read())["RemoteException"]
        kind, message = str(said["exception"]), str(said["message"]).partition("\n")[0]
    except (ValueError, KeyError, TypeError):
        return OSError(f"HTTP {error.code} {error.reason}")
    return ERRORS.get(kind, OSError)(f"{kind}: {message}")
