"""Follow all files that match a pattern, each with its own process: `weir ingest --follow`.

A file needs no spool: it stays where it is until its lines are committed, and its position is in Kafka already.
"""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_S = 5.0  # between two looks for new files
AGAIN_S = 10.0  # until a process that has ended is started again
END_S = 20.0  # for the last commit


class Followers:
    """The processes by file. A file that no longer matches is still followed: it may have been rotated."""

    def __init__(self, pattern: str, options: Sequence[str], say: Callable[[str], None]) -> None:
        self._pattern, self._options, self._say = pattern, options, say
        self.restarts = 0  # of processes that ended
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._due: dict[str, float] = {}

    def run(self, stopping: threading.Event) -> None:
        """Follow until `stopping` is set, then end the processes."""
        try:
            while True:
                self.look()
                if stopping.wait(LOOK_S):
                    return
        finally:
            self._end()

    def files(self) -> list[str]:
        """Return the files that are followed."""
        return list(self._running)

    def look(self) -> None:
        """Start a process for each new file, and another one for each file whose process has ended."""
        found = glob.glob(self._pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        for file in sorted({*found, *self._due}):
            if Path(file).is_dir() or self._due.get(file, 0.0) > time.monotonic():
                continue
            child = self._running.get(file)
            if child is None or child.poll() is not None:
                if child is not None:
                    self.restarts += 1
                    self._say(f"The process that followed {file} ended with exit code {child.returncode}; it is started again.")
                self._running[file] = self._started(file)
                self._due[file] = time.monotonic() + AGAIN_S

    def _started(self, file: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "weir", "ingest", os.path.abspath(file), "--follow", *self._options]  # noqa: PTH100 - links stay
        return subprocess.Popen(command, start_new_session=True)

    def _end(self) -> None:
        for child in self._running.values():
            child.send_signal(signal.SIGINT)
        deadline = time.monotonic() + END_S
        for child in self._running.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
