"""The supervisor's state for other processes: `state.json`, replaced as a whole, so that no reader sees half of it."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from weir.local.process import Child
from weir.system_errors import damaged, not_readable, read_json, write_json

WAITING, STARTING, OK, FAILED, STOPPED = "waiting", "starting", "ok", "failed", "stopped"
SUPERVISOR = "supervisor"  # the daemon's own record, beside those of the parts


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Record:
    """The state of one part: ok, waiting, starting, failed or stopped; `reason` says why it is not ok.

    `pid` and `created` (seconds since 1970) identify the process; `since` is when it entered this state.
    """

    state: str = WAITING
    reason: str = ""
    pid: int = 0
    created: float = 0.0
    since: str = field(default_factory=now)
    restarts: int = 0

    def child(self) -> Child | None:
        return Child.adopt(self.pid, self.created) if self.pid else None


class StateFile:
    """The records of the supervisor and of each part, in `state.json` of the state folder."""

    def __init__(self, home: Path) -> None:
        self._file = home / "state.json"
        self._lock = threading.Lock()
        self._records = self.read()

    def read(self) -> dict[str, Record]:
        """Return the records by part; the supervisor's is named `supervisor`."""
        try:
            return {name: Record(**values) for name, values in read_json(self._file).items()}
        except TypeError as error:
            raise damaged(self._file, str(error)) from error

    def put(self, part: str, record: Record) -> None:
        with self._lock:
            self._records[part] = record
            if not self._file.parent.exists():
                return  # the folder was removed; the supervisor notices, and must still be able to stop its parts
            write_json(self._file, {name: asdict(found) for name, found in self._records.items()})


@contextmanager
def only_one(home: Path, name: str) -> Iterator[bool]:
    """Hold the lock `name` of the state folder while the block runs; yields False at once if another process holds it."""
    lock = home / f"{name}.lock"
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise not_readable(lock, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
