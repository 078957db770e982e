"""Find the files of a job's folders that are in no landed batch."""

from __future__ import annotations

from collections.abc import Mapping

from spark_jobs.protocol.head import Head
from spark_jobs.protocol.partition import Partition
from weir.ports.checkpoints import Checkpoints
from weir.ports.folders import Folders


def unread(there: Folders, checkpoints: Checkpoints, head: Head, folders: Mapping[int, str]) -> Mapping[Partition, frozenset[str]]:
    """Return the names of the files by folder. `folders` are URIs by the position of the source.

    Raises NotRunning, or its subclass FolderMissing.
    """
    return {Partition(uri, 0): there.names(uri) - _landed(checkpoints, head, number, uri) for number, uri in folders.items()}


def _landed(checkpoints: Checkpoints, head: Head, number: int, uri: str) -> frozenset[str]:
    steps = head.frontier.get(Partition(uri, 0), 0)
    return checkpoints.files_read(head.job, head.epoch, number, steps - 1) if steps else frozenset()
