"""Choose what a new attempt's folder gets from that of an earlier one, besides the plans: state, and the lists of a folder's source.

Every file is checked before it is taken, so a torn one is never copied. docs/state.md has the names, and what is checked.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from weir.cluster import source_lists, state_checks, state_names
from weir.cluster.state_names import Operator, Store

T = TypeVar("T")
R = TypeVar("R")
SCHEMA = re.compile(r"state/\d+/\d+(/[^/]+)?/_metadata/schema")
log = logging.getLogger(__name__)


class Source(Protocol):
    """An earlier attempt's folder. `sizes` has its files, in bytes by path; `near` says that many small reads of one file are cheap."""

    @property
    def sizes(self) -> Mapping[str, int]: ...
    @property
    def near(self) -> bool: ...

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Return that part of a file, or as much of it as there is. Raises FileNotFoundError, OSError."""


class Each(Protocol):
    """Applies a function to items, perhaps to several at once, and yields the results in order: `map`."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]: ...


class Incomplete(Exception):
    """The folder lacks what a query needs to continue; the text names the file."""


@dataclass(frozen=True)
class Needed:
    """What a new folder gets: files as they are, by path, and files that are written anew."""

    files: Sequence[str] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)


def needed(source: Source, version: int, location: str, contents: Mapping[str, bytes], stateful: bool, each: Each) -> Needed:
    """Return what a folder at `location` needs besides `contents`, so that batch `version` can run there.

    `stateful` says that there must be state. Raises Incomplete; FileNotFoundError if a driver deletes files meanwhile.
    """
    paths = _lists(source, contents)
    metadata, found = _operators(source, version) if version else ({}, [])
    if version and stateful and not found:
        raise Incomplete("state/ is missing or empty")
    names = _by_folder(source.sizes)
    for store in each(partial(_store, source, names, version), [store for operator in found for store in operator.stores]):
        paths += store
    paths += _schemas(source, found)
    taken = sorted({*paths, *_checksums(source, paths)} - contents.keys() - metadata.keys())
    return Needed(taken, {path: state_names.moved_metadata(data, location) for path, data in metadata.items()})


def _lists(source: Source, contents: Mapping[str, bytes]) -> list[str]:
    """Return the lists of every source that is a folder."""
    found, names = list[str](), _by_folder(source.sizes)
    for number, counter in source_lists.counters(contents).items():
        folder = f"sources/{number}"
        try:
            found += [f"{folder}/{name}" for name in source_lists.needed(names[folder], counter)]
        except ValueError as missing:
            raise Incomplete(f"{folder}/{missing} is missing: it lists files that the job has read") from None
    for path in found:
        _refuse(path, source_lists.torn(path.rpartition("/")[2], _all(source, path)) or _mismatch(source, path))
    return found


def _operators(source: Source, version: int) -> tuple[dict[str, bytes], list[Operator]]:
    """Return the metadata of the stateful operators by path, and what it says."""
    metadata, found = dict[str, bytes](), list[Operator]()
    for number in state_names.operators(source.sizes):
        path = state_names.metadata_path(source.sizes, number, version)
        if path not in source.sizes:
            raise Incomplete(f"{path} is missing: it says how many partitions the state has")
        metadata[path] = _all(source, path)
        try:
            found.append(state_names.parse_metadata(number, metadata[path]))
        except ValueError as error:
            raise Incomplete(f"{path} is torn: {error}") from None
    return metadata, found


def _store(source: Source, names: Mapping[str, Collection[str]], version: int, store: Store) -> list[str]:
    """Return the files of one store. If the newest snapshot is torn, an older one serves, with the logs after it."""
    reasons = list[str]()
    for chain in state_names.chains(names[store.folder], version):
        paths, why = _chain(source, store.folder, chain)
        if not why:
            for reason in reasons:
                log.warning("%s; an older snapshot is used", reason)
            return paths
        reasons.append(why)
    raise Incomplete(reasons[0] if reasons else f"{store} {state_names.why_none(names[store.folder], version)}")


def _chain(source: Source, folder: str, names: Iterable[str]) -> tuple[list[str], str]:
    """Return the paths of a list of `chains`, with what its snapshot consists of, and why they cannot be taken."""
    paths = list[str]()
    for path in (f"{folder}/{name}" for name in names):
        parts, why = state_checks.rocksdb(_all(source, path)) if path.endswith(".zip") else ([], _lz4(source, path))
        if why := why or _mismatch(source, path):
            return [], f"{path} is torn: {why}"
        paths.append(path)
        for part in parts:
            own = f"{folder}/{part.path}"
            if why := _part(source, own, part.size):
                return [], f"{own} {why}"
            paths.append(own)
    return paths, ""


def _part(source: Source, path: str, size: int) -> str:
    if path not in source.sizes:
        return "is missing"
    if source.sizes[path] != size:
        return f"is torn: it has {source.sizes[path]} bytes of {size}"
    why = _mismatch(source, path)
    return f"is torn: {why}" if why else ""


def _lz4(source: Source, path: str) -> str:
    return state_checks.lz4(source.sizes[path], partial(source.read, path), source.near)


def _schemas(source: Source, operators: Iterable[Operator]) -> list[str]:
    """Return the schema files. Those in a store's folder may be missing: Spark then writes them anew; it fails on one that is torn."""
    named = [path for operator in operators for path in operator.schemas]
    for path in named:
        if path not in source.sizes:
            raise Incomplete(f"{path} is missing")
    found = [*named, *filter(SCHEMA.fullmatch, source.sizes)]
    for path in found:
        _refuse(path, state_checks.schema(_all(source, path)) or _mismatch(source, path))
    return found


def _refuse(path: str, why: str) -> None:
    if why:
        raise Incomplete(f"{path} is torn: {why}")


def _mismatch(source: Source, path: str) -> str:
    """Compare a file with the checksums of Hadoop's LocalFileSystem, if there are any."""
    sums = state_names.checksum_path(path)
    return state_checks.crc(source.sizes[path], partial(source.read, path), _all(source, sums)) if sums in source.sizes else ""


def _checksums(source: Source, paths: Iterable[str]) -> set[str]:
    return {sums for path in paths if (sums := state_names.checksum_path(path)) in source.sizes}


def _all(source: Source, path: str) -> bytes:
    return source.read(path, 0, source.sizes[path])


def _by_folder(paths: Iterable[str]) -> defaultdict[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for folder, _, name in (path.rpartition("/") for path in paths):
        found[folder].append(name)
    return found
