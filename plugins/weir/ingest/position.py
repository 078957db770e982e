"""The position: how far which files were sent. It is committed together with the lines, so it covers those that were acknowledged alone."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HEAD = 1024  # bytes of the beginning by which a file is recognised


@dataclass(frozen=True)
class Mark:
    """How far a file was sent. `changed` is its last change (ns).

    `offset` counts bytes of its text, decompressed and in UTF-8. The digest is that of the first `length` bytes of the text: a rotated file
    keeps them, whatever its name, and also as a copy or an archive.
    """

    name: str
    device: int
    inode: int
    changed: int
    offset: int
    length: int
    digest: str

    def is_of(self, found: os.stat_result) -> bool:
        return (self.device, self.inode) == (found.st_dev, found.st_ino)


@dataclass(frozen=True)
class Place:
    """How far the files behind a name were sent: those that may have more; and `ended` ones, which look as if they were new.

    `looked` is the last change (ns) that was seen of a file while it had the name: what changed later came after it, or is an ended one.
    """

    files: tuple[Mark, ...] = ()
    ended: tuple[Mark, ...] = ()
    looked: int = 0

    @classmethod
    def load(cls, values: dict[str, Any]) -> Place:
        marks = {name: tuple(Mark(**mark) for mark in values[name]) for name in ("files", "ended")}
        return cls(**marks, looked=values["looked"])


@dataclass(frozen=True)
class Position:
    """How far the files of one name were sent to a topic as a service.

    `run` is one start of `weir ingest`, `commit` the number of its commit. `lines` were acknowledged in all, by this run and those that it
    went on from; `seen` includes refused ones. `done`: the run reached the end and said so.
    """

    path: str
    service: str
    topic: str
    topic_id: str
    run: str
    commit: int = 0
    lines: int = 0
    seen: int = 0
    done: bool = False
    place: Place = Place()

    def dump(self) -> bytes:
        return json.dumps({"format": 1, **asdict(self)}).encode()

    @classmethod
    def load(cls, text: bytes) -> Position:
        values: dict[str, Any] = json.loads(text)
        values.pop("format")
        return cls(**{**values, "place": Place.load(values["place"])})


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


def key_of(path: Path, service: str, topic: str) -> str:
    """Return the name of a position: one for each machine, path, service and topic. It is the id of the transactions, too.

    The path is as it is written, made absolute: a symbolic link keeps its position when it leads to the next file.
    """
    parts = (socket.gethostname(), os.path.abspath(path), service, topic)  # noqa: PTH100
    return "weir-ingest-" + hashlib.sha256(b"\0".join(os.fsencode(part) for part in parts)).hexdigest()[:32]
