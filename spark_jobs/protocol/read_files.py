"""The files of a batch that reads a folder, as the claim and the ledger row record them. Pure."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SHOWN = 5  # files in a message
GONE = -1  # the size and time of a file that does not exist


class File(NamedTuple):
    """A file of a batch: its path, its size in bytes, and its modification time (ms)."""

    path: str
    size: int
    modified: int


class FilesChanged(Exception):
    """Files of a batch were changed or deleted after it was claimed or landed. Nothing was evaluated or written."""


def packed(files: Iterable[File]) -> bytes:
    """Return the files of a batch as bytes: compressed JSON lines of path, size and time. The same files give the same bytes."""
    return gzip.compress(b"".join(json.dumps(list(file)).encode() + b"\n" for file in sorted(files)), mtime=0)


def unpacked(data: bytes) -> list[File]:
    """Return the files in packed bytes; none for empty bytes. Raises ValueError, OSError or EOFError for other bytes."""
    return [File(*json.loads(line)) for line in gzip.decompress(data).decode().splitlines()] if data else []


def changes(recorded: Sequence[File], now: Sequence[File]) -> str:
    """Return which files of a batch differ from the recorded ones, and how; empty if all are the same."""
    before, after = {file.path: file for file in recorded}, {file.path: file for file in now}
    found = [_change(path, before.get(path), after.get(path)) for path in sorted(before.keys() | after.keys())]
    told = [text for text in found if text]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return "; ".join(told[:SHOWN]) + more


def _change(path: str, before: File | None, after: File | None) -> str:
    if before is None or after is None:
        return f"{path} {'was not recorded' if before is None else 'was recorded, but is not listed now'}"
    if after.modified == GONE:
        return f"{path} was deleted"
    if before.size != after.size:
        return f"{path} had {before.size} bytes, and now has {after.size}"
    return f"{path} was modified" if before.modified != after.modified else ""
