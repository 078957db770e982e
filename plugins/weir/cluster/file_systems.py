"""Open the file system of a path or URI: the machine's own, HDFS over WebHDFS or libhdfs, an object store."""

from __future__ import annotations

from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as NotAnIniFile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from pyarrow.fs import FileSystem, LocalFileSystem, S3FileSystem
from pyarrow.lib import ArrowInvalid

from weir.cluster.webhdfs import WebHdfs
from weir.errors import BadSetting, NotRunning
from weir.settings import Settings

S3 = ("s3", "s3a")
RENAMES = ("file", "hdfs", "viewfs")  # renames a folder in one step; an object store copies and deletes its objects one by one
CONNECT_S = 5.0
TRIAL = ".weir-doctor"


class Files(Protocol):
    """What Weir uses of pyarrow's file systems. All raise OSError."""

    def get_file_info(self, asked: Any) -> Any:
        """Return the FileInfo of a path, or those that a FileSelector selects."""

    def create_dir(self, path: str) -> None:
        """Create a folder and those above it; one that is there is left alone."""

    def delete_dir(self, path: str) -> None: ...

    def delete_file(self, path: str) -> None: ...

    def move(self, src: str, dest: str) -> None:
        """Rename a file or folder."""

    def copy_file(self, src: str, dest: str) -> None:
        """Copy a file, replacing what is there. Raises FileNotFoundError."""

    def open_input_stream(self, path: str) -> Any:
        """Return an open file. Raises FileNotFoundError."""

    def open_input_file(self, path: Any) -> Any:
        """Return an open file with `read_at(number of bytes, offset)`, by its path or FileInfo. Raises FileNotFoundError."""

    def open_output_stream(self, path: str) -> Any:
        """Return a new file, or one that replaces what is there once it is closed."""


def opened(uri: str, settings: Settings) -> tuple[Files, str]:
    """Return the file system of a URI and the path there, read as Spark's Hadoop does: `#`, `?`, `%` and blanks are part of the path.

    pyarrow's own parser drops what follows a `#`, and so read another folder. Raises BadSetting, NotRunning.
    """
    scheme, _, rest = uri.partition("://")
    server, slash, path = rest.partition("/")
    if scheme == "file":
        return LocalFileSystem(), rest
    if scheme in S3:
        return s3(settings), rest
    if scheme == "hdfs" and settings.hdfs_web:
        return WebHdfs(settings.hdfs_web.split(","), settings.hdfs_user), f"/{path}"
    try:
        found: tuple[Files, str] = FileSystem.from_uri(f"{scheme}://{server}{slash}{quote(path)}")
    except ArrowInvalid as error:
        raise BadSetting(f"The folder {uri} cannot be read: {error}.", "Correct WEIR_CHECKPOINTS.") from error
    except OSError as error:
        cure = "Set WEIR_HDFS_WEB, or install libhdfs." if scheme == "hdfs" else "Check it, and WEIR_CHECKPOINTS."
        raise NotRunning(f"The file system of {uri} cannot be used from here: {why(error)}.", cure) from error
    return found


def prepared(uri: str, settings: Settings) -> None:
    """Create a folder if it is not there, and try whether a file can be written to it. Raises BadSetting, NotRunning, OSError."""
    fs, path = opened(uri, settings)
    fs.create_dir(path)
    with fs.open_output_stream(f"{path}/{TRIAL}") as stream:
        stream.write(b"x")
    fs.delete_file(f"{path}/{TRIAL}")


def s3(settings: Settings) -> Files:
    """Return the object store of the settings. The credentials are read now: open it again after they were replaced. Raises BadSetting."""
    options: dict[str, str | bool] = {}
    if settings.s3_endpoint:
        parts = urlsplit(settings.s3_endpoint)
        options = {"scheme": parts.scheme, "endpoint_override": parts.netloc, "force_virtual_addressing": not settings.s3_path_style}
    if settings.object_store_region:
        options["region"] = settings.object_store_region
    found: Files = S3FileSystem(**options, **_credentials(settings.s3_credentials_file), connect_timeout=CONNECT_S)
    return found


def _credentials(file: str) -> dict[str, str]:
    """Return the credentials in a file of AWS's own form; none if no file is set, and the client looks where AWS's tools do."""
    if not file:
        return {}
    profiles = ConfigParser(interpolation=None, default_section="")
    try:
        profiles.read_string(Path(file).read_text())
        own = profiles["default"]
        found = {"access_key": own["aws_access_key_id"], "secret_key": own["aws_secret_access_key"]}
    except (OSError, UnicodeDecodeError, NotAnIniFile, KeyError) as error:
        said = error.strerror if isinstance(error, OSError) else "it has no aws_access_key_id and aws_secret_access_key under [default]"
        raise BadSetting(f"WEIR_S3_CREDENTIALS_FILE, {file}, cannot be used: {said}.", "Correct the path or the file.") from None
    return found | ({"session_token": own["aws_session_token"]} if "aws_session_token" in own else {})


@contextmanager
def reached(what: str) -> Iterator[None]:
    """Raise NotRunning instead of an OSError within the block; `what` says what is read or written there."""
    try:
        yield
    except OSError as error:
        cure = "Check that the file system is up and that Weir's user may write there."
        raise NotRunning(f"The {what} cannot be read or written: {why(error)}.", cure) from error


def why(error: OSError) -> str:
    """Return what an error of a file system says, in one line."""
    return " ".join(str(error.strerror or error).split(". Detail:")[0].split())
