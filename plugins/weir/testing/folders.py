"""Folders in memory."""

from __future__ import annotations

from weir.errors import FolderMissing, NotRunning


class MemoryFolders:
    """Names of files by the URI of their folder. A test changes `files`; without `answers` nothing can be listed."""

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = {}
        self.answers, self.asked = True, 0

    def names(self, uri: str) -> frozenset[str]:
        self.asked += 1
        if not self.answers:
            raise NotRunning(f"The folder {uri} cannot be listed: it does not answer.", "")
        if uri not in self.files:
            raise FolderMissing(f"The folder {uri} does not exist.", "Create it.")
        return frozenset(self.files[uri])
