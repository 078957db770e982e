"""Spark's `offsets/N` files: the end of batch N, by partition, behind a line `v1` and a line of metadata."""

from __future__ import annotations

import json

from spark_jobs.protocol import Offsets


def parse_offsets(data: bytes) -> Offsets | None:
    """The end offsets by partition in an `offsets/N` file of one Kafka source, or None if the file is not whole."""
    lines = data.decode(errors="replace").splitlines()
    if len(lines) < 3 or lines[0] != "v1":
        return None
    try:
        by_topic = json.loads(lines[2])
        (partitions,) = by_topic.values()
        return {int(p): int(o) for p, o in partitions.items()}
    except (ValueError, AttributeError):
        return None
