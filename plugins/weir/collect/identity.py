"""The folder of a spool: its id, its topic, and the lock with which only one process uses it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4
from zlib import crc32

from weir.collect.spool.disk import SUFFIX, sync_folder
from weir.errors import BadInput, Conflict
from weir.system_errors import read_json

FILE = "spool.json"


@dataclass(frozen=True)
class Identity:
    """The content of `spool.json`. `id` was made with the folder. `forwarded`: Kafka has committed records of this spool."""

    id: str
    topic: str
    forwarded: bool = False

    @property
    def name(self) -> str:
        """Return the key of its position, and the id of its transactions. Users of `weir ingest` may use ids that begin like this."""
        return f"weir-ingest-spool-{self.id}"

    @property
    def origin(self) -> int:
        """Return the checksum before its first record."""
        return crc32(self.id.encode())


class SpoolFolder:
    """A folder that this process alone uses, until `close`."""

    def __init__(self, path: Path, topic: str, say: Callable[[str], None]) -> None:
        """Make the folder if it is missing. Raises Conflict if another process uses it, BadInput if it has another topic, OSError."""
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._lock = _locked(path)
        self.identity = self._known() or self._made(topic, say)
        if self.identity.topic != topic:
            raise BadInput(
                f"--topic: the spool in {path} is for the topic {self.identity.topic}.",
                "Name that topic, or another folder: --spool FOLDER",
            )

    def forwarded(self) -> None:
        """Note that Kafka has committed records: from now on it must have a position of this spool. Raises OSError."""
        if not self.identity.forwarded:
            self.identity = replace(self.identity, forwarded=True)
            self._write()

    def close(self) -> None:
        os.close(self._lock)

    def _known(self) -> Identity | None:
        values = read_json(self.path / FILE)
        return Identity(values["id"], values["topic"], values["forwarded"]) if values else None

    def _made(self, topic: str, say: Callable[[str], None]) -> Identity:
        if any(self.path.glob(f"*{SUFFIX}")):
            say(f"{self.path / FILE} is missing: the spool gets a new id, and all records in it are sent.")
        self.identity = Identity(uuid4().hex, topic)
        self._write()
        return self.identity

    def _write(self) -> None:
        new = self.path / f"{FILE}.new"
        with new.open("w") as file:
            json.dump({"format": 1, **asdict(self.identity)}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / FILE)
        sync_folder(self.path)


def _locked(path: Path) -> int:
    handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Conflict(f"Another collector uses the spool in {path}.", "Stop it, or name another folder: --spool FOLDER") from None
    return handle
