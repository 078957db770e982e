"""Heads as JSON text, as they are kept in the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from spark_jobs.protocol import Head, Progress, State, Totals


def dump(head: Head) -> str:
    return json.dumps(asdict(head), separators=(",", ":"), sort_keys=True)


def load(text: str) -> Head:
    """Read what `dump` wrote. Raises ValueError, KeyError or TypeError on anything else."""
    v = json.loads(text)
    v["state"] = State(v["state"])
    v["start"], v["end"] = _by_partition(v["start"]), _by_partition(v["end"])
    v["totals"] = Totals(**v["totals"])
    v["before"], v["progress"] = _progress(v["before"]), _progress(v["progress"])
    v["epoch_ends"] = tuple(v["epoch_ends"])
    return Head(**v)


def _progress(v: Mapping[str, Any]) -> Progress:
    return Progress(_by_partition(v["event_times"]), _by_partition(v["append_times"]), v["watermark"])


def _by_partition(v: Mapping[str, int]) -> dict[int, int]:
    return {int(p): n for p, n in v.items()}
