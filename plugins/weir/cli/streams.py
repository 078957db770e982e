"""Make the standard streams safe to use: closed, full, broken, or of an encoding that lacks a character."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import Any, TextIO

from weir.errors import OutputLost


def guard() -> None:
    """Replace the three standard streams. Lost output raises OutputLost, once; a lost message on standard error raises nothing.

    A character that a stream's encoding lacks is written as an escape. The number of a closed stream is taken: otherwise the next file or
    socket that the process opens gets it, and with it all that is printed.
    """
    closed = [fd for fd in (0, 1, 2) if _is_closed(fd)]
    for fd in closed:  # the lowest free number is the one that is given out
        os.open(os.devnull, os.O_WRONLY if fd == 0 else os.O_RDONLY)  # so that its use fails
    if 0 in closed:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Nothing()))
    sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Messages(2, "w", closefd=False), sys.stderr)


def finish() -> int:
    """Write what is still buffered. Return 3, and say why, if output was lost; 0 if its reader, such as head, had read enough."""
    with suppress(OutputLost):
        sys.stdout.flush()
    lost = getattr(getattr(sys.stdout.buffer, "raw", None), "lost", None)
    if lost is None or lost.reader_left:
        return 0
    sys.stderr.write(f"{lost}\n")
    return 3


class _Nothing(io.RawIOBase):
    """Standard input that was closed: it has no lines, and no file descriptor."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return 0

    def fileno(self) -> int:
        return 0


class _Output(io.FileIO):
    """Standard output. After its first error it takes everything, so that the end of the process does not fail once more."""

    lost: OutputLost | None = None

    def write(self, data: Any) -> int:
        if self.lost is not None:
            return memoryview(data).nbytes
        try:
            return _written(self.fileno(), data)
        except OSError as error:
            why = "it is closed" if error.errno == errno.EBADF else str(error.strerror)
            self.lost = OutputLost(f"Standard output cannot be written: {why}.", reader_left=error.errno == errno.EPIPE)
            raise self.lost from error


class _Messages(_Output):
    """Standard error. Its own errors are ignored: there is no stream left to report them on."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OutputLost:
            return memoryview(data).nbytes


def _is_closed(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return True
    return False


def _written(fd: int, data: Any) -> int:
    while True:
        try:
            return os.write(fd, data)
        except BlockingIOError:  # whoever shares the terminal or pipe made it non-blocking
            select.select([], [fd], [])


def _text(raw: io.FileIO, before: TextIO | None) -> TextIO:
    """Return a text stream like the one before, with escapes for what its encoding lacks."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=raw.isatty() or raw.fileno() == 2,
        write_through=bool(getattr(before, "write_through", False)),
    )
