"""The port of folders that jobs read."""

from __future__ import annotations

from typing import Protocol

from weir.errors import NotRunning

MOST_LISTED = 100_000  # files: a listing of more takes longer than a pass may wait


class Folders(Protocol):
    def names(self, uri: str) -> frozenset[str]:
        """Return the names of the files in a folder that Spark reads.

        Raises FolderMissing; NotRunning if it cannot be listed, or if Spark may read files that would not be among them.
        """


class NoFolders:
    """Folders that cannot be listed from here."""

    def names(self, uri: str) -> frozenset[str]:
        raise NotRunning(f"The folder {uri} cannot be listed from here.", "Look from where Weir is installed.")


NO_FOLDERS = NoFolders()
