"""Open what is to be sent: a file, a file that is followed, or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from weir.errors import UnreadableInput
from weir.ingest.following import followed

READ = 1024 * 1024


def opened(path: Path | str, follow: bool) -> Iterator[bytes]:
    """Yield the bytes of a file as they come. Raises UnreadableInput at once if it cannot be opened."""
    if str(path) == "-":
        return _chunks(os.dup(sys.stdin.fileno()))
    try:
        handle = os.open(path, os.O_RDONLY)
        os.read(handle, 0)
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.", "Name a file, or - for standard input.") from error
    return followed(Path(path), handle) if follow else _chunks(handle)


def _chunks(opened: int) -> Iterator[bytes]:
    with os.fdopen(opened, "rb", buffering=0) as file:
        while chunk := file.read(READ):
            yield chunk
