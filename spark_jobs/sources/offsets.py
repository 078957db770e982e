"""Parse Spark's `offsets/N` files: after a line `v1` and a line of metadata, the end of batch N of each source, one line each.

A Kafka source has offsets by topic and partition. Sources of one job read different topics, so each line says whose it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from spark_jobs.protocol.partition import Partition

NO_OFFSET = "-"  # of a source that has no data yet
Named = Mapping[str, Mapping[int, int]]  # offsets by the name of a topic and the number of a partition


def parse_plan(data: bytes) -> Named | None:
    """Return the end offsets of the Kafka sources in an `offsets/N` file, or None if the file is not whole."""
    lines = data.decode(errors="replace").splitlines()
    if len(lines) < 3 or lines[0] != "v1":
        return None
    try:
        json.loads(lines[1])
        return {topic: each for line in lines[2:] if line != NO_OFFSET for topic, each in parse_source(line).items()}
    except (ValueError, AttributeError, TypeError):
        return None


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


def shown(named: Named) -> dict[str, int]:
    """Return offsets by label, in order: the partition number if there is one topic, else `topic/number`."""
    several = len(named) > 1
    return {f"{topic}/{p}" if several else str(p): offset for topic, each in sorted(named.items()) for p, offset in sorted(each.items())}


def with_ends(data: bytes, named: Named) -> bytes:
    """Replace the offsets in a file of one Kafka source, which are its last line."""
    head, _, _ = data.rstrip(b"\n").rpartition(b"\n")
    return head + b"\n" + json.dumps({t: {str(p): o for p, o in each.items()} for t, each in named.items()}).encode()


def with_offsets(data: bytes, named: Named) -> bytes:
    """Replace the offsets of the named topics in a file of several sources. Raises ValueError if a line is not that of a Kafka source."""
    lines = data.decode().splitlines()
    for n, line in enumerate(lines[2:], start=2):
        if line != NO_OFFSET:
            found = {**parse_source(line), **{topic: each for topic, each in named.items() if topic in parse_source(line)}}
            lines[n] = json.dumps({topic: {str(p): o for p, o in each.items()} for topic, each in found.items()})
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
