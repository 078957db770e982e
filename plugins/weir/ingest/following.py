"""Follow a file that grows and is rotated."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

READ = 1024 * 1024
POLL_S = 0.2


def followed(path: Path, opened: int) -> Iterator[bytes]:
    """Follow a file as `tail -F` does: continue when it grows, is truncated, or is replaced by another one of its name."""
    while True:
        with os.fdopen(opened, "rb", buffering=0) as file:
            while True:
                while chunk := file.read(READ):
                    yield chunk
                if _is_another(path, file.fileno()):
                    break
                if os.fstat(file.fileno()).st_size < file.tell():
                    file.seek(0)
                yield b""  # lets the sender handle lines in flight
                time.sleep(POLL_S)
        opened = os.open(path, os.O_RDONLY)


def _is_another(path: Path, opened: int) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False  # it is being replaced
