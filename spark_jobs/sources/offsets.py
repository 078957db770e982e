"""Parse Spark's `offsets/N` files: after a line `v1` and a line of metadata, the end of batch N of each source, one line each.

A Kafka source has offsets by topic and partition. Sources of one job read different topics, so each line says whose it is. A folder's line
is a counter, which does not: `folders` has the URI of each folder by the position of its line, which is that of the source in the spec.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from spark_jobs.protocol.partition import Partition, labelled

NO_OFFSET = "-"  # of a source that has no data yet
Named = Mapping[str, Mapping[int, int]]  # offsets by the name of a topic and the number of a partition; of a folder, its position
Folders = Mapping[int, str]  # the URI of each folder by the position of its source
NO_FOLDERS: Folders = {}


def parse_plan(data: bytes, folders: Folders = NO_FOLDERS) -> Named | None:
    """Return the ends of the sources in an `offsets/N` file, or None if the file is not whole."""
    lines = data.decode(errors="replace").splitlines()
    if len(lines) < 3 or lines[0] != "v1":
        return None
    try:
        json.loads(lines[1])
        return {name: each for n, line in enumerate(lines[2:]) for name, each in _parsed(line, folders.get(n, "")).items()}
    except (ValueError, AttributeError, TypeError):
        return None


def counter(line: str) -> int | None:
    """Return the counter in a source's line of `offsets/N`; -1 before the first file; None if the source is no folder."""
    if line == NO_OFFSET:
        return -1
    try:
        found = json.loads(line)["logOffset"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def watermark(data: bytes) -> int | None:
    """Return the watermark (ms) by which the batch of an `offsets/N` file is evaluated; None if there is none yet."""
    try:
        return int(json.loads(data.decode(errors="replace").splitlines()[1])["batchWatermarkMs"]) or None
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def parse_source(text: str) -> Named:
    """Parse the offsets in a Kafka source's JSON. Raises ValueError, AttributeError or TypeError on anything else."""
    found = {str(topic): {int(p): int(o) for p, o in partitions.items()} for topic, partitions in json.loads(text).items()}
    if not found:
        raise ValueError("no topic")
    return found


def _parsed(line: str, folder: str) -> Named:
    """Return the offsets of a line. The position in a folder is the number of steps that were read. Raises as `parse_source` does."""
    if not folder:
        return {} if line == NO_OFFSET else parse_source(line)
    read = counter(line)
    if read is None:
        raise ValueError("not the line of a folder")
    return {folder: {0: read + 1}}


def _line(named: Named, folder: str) -> str:
    """Undo `_parsed`."""
    if not folder:
        return json.dumps({topic: {str(p): o for p, o in each.items()} for topic, each in named.items()})
    return json.dumps({"logOffset": named[folder][0] - 1}) if named[folder][0] else NO_OFFSET


def shown(named: Named) -> dict[str, int]:
    """Return offsets by label, in order: the partition number if there is one topic, else `topic/number`."""
    return labelled({Partition(topic, p): offset for topic, each in named.items() for p, offset in each.items()})


def with_ends(data: bytes, named: Named) -> bytes:
    """Replace the offsets in a file of one Kafka source, which are its last line."""
    head, _, _ = data.rstrip(b"\n").rpartition(b"\n")
    return head + b"\n" + json.dumps({t: {str(p): o for p, o in each.items()} for t, each in named.items()}).encode()


def with_offsets(data: bytes, named: Named, folders: Folders = NO_FOLDERS) -> bytes:
    """Replace the offsets of the named topics and folders in a file. Raises ValueError if a line is of another source."""
    lines = data.decode().splitlines()
    for n, line in enumerate(lines[2:]):
        if known := _parsed(line, folders.get(n, "")):
            found = {**known, **{name: each for name, each in named.items() if name in known}}
            lines[n + 2] = _line(found, folders.get(n, ""))
    return "\n".join(lines).encode()


def by_name(offsets: Mapping[Partition, int], names: Mapping[str, str]) -> dict[str, dict[int, int]]:
    """Return offsets by topic and number; `names` are topic names by id. Raises KeyError with the id of a topic without a name."""
    named: dict[str, dict[int, int]] = {}
    for partition, offset in sorted(offsets.items()):
        named.setdefault(names[partition.source], {})[partition.number] = offset
    return named


def by_id(named: Named, ids: Mapping[str, str]) -> dict[Partition, int]:
    """Return offsets by partition; `ids` are topic ids by name. Raises KeyError with the name of a topic without an id."""
    return {Partition(ids[topic], number): offset for topic, each in named.items() for number, offset in each.items()}
