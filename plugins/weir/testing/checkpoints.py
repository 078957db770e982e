"""Checkpoint folders in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from weir.cluster import source_lists
from weir.cluster.query_checkpoint import progress_of
from weir.cluster.state_copies import Incomplete, needed
from weir.errors import NotRunning
from weir.ports.checkpoints import Attempt, Folder, QueryProgress


class MemoryCheckpoints:
    """Folders as dictionaries from path to bytes; that of an epoch's attempts together has None for the attempt. `plan` and `commit` write
    what Spark writes, `written` is when a folder's newest commit was (ms), and `stands` the same of single queries in it, by their folders;
    a test damages `files` as a disk would."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, int, int | None], dict[str, bytes]] = {}
        self.written: dict[tuple[str, int, int | None], int] = {}
        self.stands: dict[str, int] = {}
        self.answers = True

    def start(self, job: str, epoch: int, attempt: int | None) -> dict[str, bytes]:
        """What Spark does with a folder before the first batch; the folder's files."""
        return self.files.setdefault((job, epoch, attempt), {"metadata": b'{"id":"7f"}'})

    def plan(self, job: str, epoch: int, attempt: int | None, batch_id: int, end: Mapping[int, int], topic: str = "logs") -> None:
        source = json.dumps({topic: {str(p): o for p, o in end.items()}})
        self.start(job, epoch, attempt)[f"offsets/{batch_id}"] = f'v1\n{{"batchWatermarkMs":0}}\n{source}'.encode()

    def commit(self, job: str, epoch: int, attempt: int | None, batch_id: int, at: int = 0) -> None:
        self.written[job, epoch, attempt] = at
        self.start(job, epoch, attempt)[f"commits/{batch_id}"] = b'v1\n{"nextBatchWatermarkMs":0}'

    def location(self, job: str, epoch: int, attempt: int | None = None) -> str:
        return f"memory://{job}/{epoch}/{'shared' if attempt is None else attempt}"

    def progress(self, location: str) -> Sequence[QueryProgress] | None:
        if not self.answers:
            return None
        key = next((key for key in self.files if self.location(*key) == location), None)
        return _queries(self.files[key], self.written.get(key, 0), self.stands) if key else []

    def attempts(self, job: str) -> Sequence[tuple[int, int]]:
        self._there()
        return sorted((epoch, attempt) for j, epoch, attempt in self.files if j == job and attempt is not None)

    def read(self, job: str, epoch: int, attempt: int, newest: int | None = None) -> Folder:
        files = self.files.get((job, epoch, attempt), {})
        where, sizes = self.location(job, epoch, attempt), {path: len(data) for path, data in files.items()}
        if not self.answers:
            return Folder(epoch, attempt, where, {}, {}, {"": "it does not answer"})
        kept = {path: data for path, data in files.items() if _is_kept(path, files, newest)}
        return Folder(epoch, attempt, where, sizes, kept, writable=True if files else None)

    def files_read(self, job: str, epoch: int, source: int, upto: int) -> frozenset[str]:
        for attempt in reversed([a for e, a in self.attempts(job) if e == epoch]):
            files, folder = self.files[job, epoch, attempt], f"sources/{source}/"
            lists = {path.removeprefix(folder): data for path, data in files.items() if path.startswith(folder)}
            with suppress(ValueError):
                return frozenset(name for each in source_lists.needed(lists, upto) for name in source_lists.names(lists[each]))
        raise source_lists.unlisted(job, upto)

    def put(self, job: str, epoch: int, attempt: int, contents: Mapping[str, bytes]) -> None:
        self._there()
        self.files[job, epoch, attempt] = dict(contents)

    def copy(self, job: str, source: Attempt, target: Attempt, contents: Mapping[str, bytes], version: int, stateful: bool = False) -> str:
        self._there()
        old = _Files(self.files.get((job, *source), {}))
        try:
            found = needed(old, version, self.location(job, *target), contents, stateful, map)
        except Incomplete as why:
            return str(why)
        self.put(job, *target, {**{path: old.files[path] for path in found.files}, **found.contents, **contents})
        return ""

    def forget(self, job: str, epoch: int, attempts: Collection[int]) -> None:
        self._there()
        for attempt in attempts:
            self.files.pop((job, epoch, attempt), None)

    def _there(self) -> None:
        if not self.answers:
            raise NotRunning("The checkpoints do not answer.")


class _Files:
    """A folder, as weir.cluster.state_copies reads it."""

    near = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files, self.sizes = files, {path: len(data) for path, data in files.items()}

    def read(self, path: str, offset: int, length: int) -> bytes:
        return self.files[path][offset : offset + length]


def _queries(files: Mapping[str, bytes], written: int, stands: Mapping[str, int]) -> list[QueryProgress]:
    """The progress of each query that has a folder among the files."""
    found: dict[str, dict[str, dict[int, bytes]]] = {}
    for path, data in files.items():
        if match := re.fullmatch(r"(?:(.+)/)?(offsets|commits)/(\d+)", path):
            found.setdefault(match[1] or "", {"offsets": {}, "commits": {}})[match[2]][int(match[3])] = data
    ids = {name: files.get(f"{name}/metadata".lstrip("/"), b"") for name in found}
    return [
        progress_of(name, q["offsets"], q["commits"], dict.fromkeys(q["commits"], stands.get(name, written)), metadata=ids[name])
        for name, q in sorted(found.items())
    ]


def _is_kept(path: str, files: Collection[str], newest: int | None) -> bool:
    """Is it one of the files that Spark starts from, of the `newest` batches?"""
    kind, _, name = path.rpartition("/")
    if kind not in ("offsets", "commits"):
        return re.fullmatch(r"metadata|sources/\d+/0", path) is not None
    numbers = sorted((int(n) for k, _, n in (p.rpartition("/") for p in files) if k == kind and n.isdecimal()), reverse=True)
    return name.isdecimal() and int(name) in numbers[:newest]
