"""Choose by their names the files below `state/` that a query needs to continue. Pure.

The next batch, N, reads state version N from `state/<operator>/<partition>`, or from a folder with the store's name in it. Both providers
keep a snapshot now and then, and one log of changes per version after it (docs/state.md). Checked with pyspark 4.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

DEFAULT = "default"  # the store that lies in its partition's folder itself
VERSIONED = re.compile(r"(\d+)\.(snapshot|delta|zip|changelog)")
FORMAT_2 = re.compile(r"\d+_[0-9a-f-]{36}\.(zip|changelog)")
SNAPSHOTS, LOGS = ("snapshot", "zip"), ("delta", "changelog")


@dataclass(frozen=True)
class Store:
    """A state store: the part of an operator's state that one task reads and writes."""

    operator: int
    partition: int
    name: str

    @property
    def folder(self) -> str:
        own = f"state/{self.operator}/{self.partition}"
        return own if self.name == DEFAULT else f"{own}/{self.name}"

    def __str__(self) -> str:
        return f"{self.folder} (operator {self.operator}, partition {self.partition})"


@dataclass(frozen=True)
class Operator:
    """A stateful operator, as its metadata describes it. `schemas` are the files that its metadata names, below the checkpoint."""

    number: int
    partitions: Mapping[str, int]  # by the name of a store
    schemas: tuple[str, ...] = ()

    @property
    def stores(self) -> list[Store]:
        return [Store(self.number, n, name) for name, count in self.partitions.items() for n in range(count)]


def operators(paths: Collection[str]) -> list[int]:
    """Return the numbers of the operators that have a folder."""
    return sorted({int(found[1]) for path in paths if (found := re.match(r"state/(\d+)/", path))})


def metadata_path(paths: Collection[str], operator: int, version: int) -> str:
    """Return the file that describes an operator in front of batch `version`. A later one may have been written by half."""
    versions = (re.fullmatch(rf"state/{operator}/_metadata/v2/(\d+)", path) for path in paths)
    newest = max((n for found in versions if found and (n := int(found[1])) < version), default=None)
    return f"state/{operator}/_metadata/metadata" if newest is None else f"state/{operator}/_metadata/v2/{newest}"


def parse_metadata(operator: int, data: bytes) -> Operator:
    """Parse an operator's metadata: a line with its version, then JSON. Raises ValueError if it is not whole."""
    try:
        stores = json.loads(data.split(b"\n", 1)[1])["stateStoreInfo"]
        schemas = tuple(below(path) for store in stores for path in store.get("stateSchemaFilePaths", ()))
        return Operator(operator, {str(store["storeName"]): int(store["numPartitions"]) for store in stores}, schemas)
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it has no {error}") from error


def below(path: str) -> str:
    """Return the part of a schema's absolute path that lies below the checkpoint. Raises ValueError."""
    _, slash, rest = path.rpartition("/state/")
    if not slash:
        raise ValueError(f"{path} is not below state/")
    return f"state/{rest}"


def moved_metadata(data: bytes, location: str) -> bytes:
    """Return metadata whose schemas lie in the checkpoint at `location`.

    Spark writes their absolute paths: a copy would go on to read them in the folder of the attempt before, until that is deleted.
    """
    version, _, text = data.partition(b"\n")
    found = json.loads(text)
    for store in found["stateStoreInfo"]:
        if "stateSchemaFilePaths" in store:
            store["stateSchemaFilePaths"] = [f"{location}/{below(path)}" for path in store["stateSchemaFilePaths"]]
    return version + b"\n" + json.dumps(found, separators=(",", ":")).encode()


def chains(names: Collection[str], version: int) -> Iterator[tuple[str, ...]]:
    """Yield the files of one store, each list sufficient for state `version`: a snapshot and the logs after it, newest snapshot first.

    `names` are those in the store's folder. Nothing is yielded if the version cannot be had from them.
    """
    found = [(int(match[1]), match[2], name) for name in names if (match := VERSIONED.fullmatch(name))]
    logs = {number: name for number, kind, name in found if kind in LOGS}
    snapshots = sorted(((number, name) for number, kind, name in found if kind in SNAPSHOTS and number <= version), reverse=True)
    for first, snapshot in (*snapshots, (0, "")):
        after = range(first + 1, version + 1)
        if all(number in logs for number in after):
            yield (*([snapshot] if snapshot else []), *(logs[number] for number in after))


def why_none(names: Collection[str], version: int) -> str:
    """Return why `chains` yields nothing."""
    if any(FORMAT_2.fullmatch(name) for name in names):
        return "is of state format 2, which Weir does not copy: set spark.sql.streaming.stateStore.checkpointFormatVersion to 1"
    newest = max((int(match[1]) for name in names if (match := VERSIONED.fullmatch(name))), default=None)
    if newest is None:
        return f"has no files, and version {version} is needed"
    if newest < version:
        return f"ends with version {newest}, and version {version} is needed"
    return f"lacks a file of those that version {version} is made of"


def checksum_path(path: str) -> str:
    """Return the file in which Hadoop's LocalFileSystem keeps the checksums of another."""
    of = PurePosixPath(path)
    return str(of.with_name(f".{of.name}.crc"))
