"""List the folders that jobs read, on the file systems that Weir reaches: local, HDFS, S3. What counts is what Spark would read."""

from __future__ import annotations

from pyarrow.fs import FileInfo, FileSelector, FileType

from spark_jobs.sources.folders import hidden, is_partition
from weir.cluster.file_systems import opened, why
from weir.errors import BadSetting, FolderMissing, NotRunning
from weir.ports.folders import MOST_LISTED
from weir.settings import Settings

CURE = "Check that Weir's user may read it."


class SourceFolders:
    """Implements weir.ports.folders.Folders."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def names(self, uri: str) -> frozenset[str]:
        found = self._listed(uri)
        if inner := [one.base_name for one in found if one.type is FileType.Directory and is_partition(one.base_name)]:
            raise NotRunning(
                f"{uri} has a folder {inner[0]}, whose files Spark reads and Weir does not count.", "Put files directly into it."
            )
        names = frozenset(one.base_name for one in found if one.type is FileType.File and not hidden(one.base_name))
        if len(names) > MOST_LISTED:
            raise NotRunning(
                f"{uri} has {len(names):,} files, and Weir counts at most {MOST_LISTED:,}.", "Move those that have landed away."
            )
        return names

    def _listed(self, uri: str) -> list[FileInfo]:
        try:
            fs, path = opened(uri, self._settings)
            found: list[FileInfo] = fs.get_file_info(FileSelector(path))
            _ = [one.base_name for one in found]
        except UnicodeDecodeError as error:
            what = f"The folder {uri} has a file whose name is not UTF-8, {error.object!r}: Spark does not read it."
            raise NotRunning(what, "Rename it.") from error
        except FileNotFoundError as error:
            raise FolderMissing(f"The folder {uri} does not exist.", "Create it, or correct the path in job.yaml.") from error
        except (OSError, BadSetting) as error:
            said = why(error) if isinstance(error, OSError) else error.what
            raise NotRunning(f"The folder {uri} cannot be listed: {said}", CURE) from error
        return found
