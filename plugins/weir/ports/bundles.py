"""The port of bundles: where the code of deployed versions is kept. Implementations are held to tests/contract/test_bundles.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol


class Bundles(Protocol):
    """The files of each version, below a folder or URI. Every method raises NotRunning if a store does not answer."""

    def publish(self, version: str, files: Mapping[str, Path]) -> None:
        """Keep the files of a version, by their paths in it. One that is kept already is left alone: what runs is what was deployed."""

    def place(self, version: str) -> str:
        """Return where a driver finds the version: a folder, or the URI of one whose code is packed. Asks nothing."""

    def folder(self, version: str) -> Path:
        """Return a folder of this machine with the files of a version; one without files if it is not kept."""

    def kept(self) -> set[str]:
        """Return the versions, of all jobs, that are kept."""

    def drop(self, versions: Iterable[str]) -> None:
        """Delete versions that are no longer needed. What cannot be deleted now is left for the next time."""
