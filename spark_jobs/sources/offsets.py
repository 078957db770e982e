"""Spark's `offsets/N` files: the end of batch N, by partition, behind a line `v1` and a line of metadata."""

from __future__ import annotations

import json

from spark_jobs.protocol.head import Offsets


def parse_plan(data: bytes) -> tuple[str, Offsets] | None:
    """The topic and the end offsets by partition in an `offsets/N` file of one Kafka source, or None if the file is not whole."""
    lines = data.decode(errors="replace").splitlines()
    if len(lines) < 3 or lines[0] != "v1":
        return None
    try:
        json.loads(lines[1])
        return parse_source(lines[2])
    except (ValueError, AttributeError, TypeError):
        return None


def parse_source(text: str) -> tuple[str, Offsets]:
    """The topic and its offsets in a Kafka source's JSON. Raises ValueError, AttributeError or TypeError on anything else."""
    ((topic, partitions),) = json.loads(text).items()
    return topic, {int(p): int(o) for p, o in partitions.items()}


def parse_offsets(data: bytes) -> Offsets | None:
    """The end offsets alone."""
    plan = parse_plan(data)
    return plan[1] if plan else None
