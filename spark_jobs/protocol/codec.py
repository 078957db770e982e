"""Heads as JSON text, as they are kept in the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from spark_jobs.protocol.gap import Gap, GapKind, Hole
from spark_jobs.protocol.head import Head, Progress, State, Totals

KNOWN = frozenset(each.name for each in fields(Head))


def dump(head: Head) -> str:
    values = asdict(head)
    if head.gap is None:
        del values["gap"]
    return json.dumps(values, separators=(",", ":"), sort_keys=True)


def load(text: str) -> Head:
    """Read what `dump` wrote. Raises ValueError, KeyError or TypeError on anything else.

    What a later version has added is passed over, so that a job can go back to this one.
    """
    v = {name: value for name, value in dict(json.loads(text)).items() if name in KNOWN}
    v["state"] = State(v["state"])
    v["start"], v["end"] = _by_partition(v["start"]), _by_partition(v["end"])
    v["totals"] = Totals(**v["totals"])
    v["before"], v["progress"] = _progress(v["before"]), _progress(v["progress"])
    v["gap"] = _gap(v["gap"]) if "gap" in v else None
    v["epoch_ends"] = tuple(v["epoch_ends"])
    return Head(**v)


def _progress(v: Mapping[str, Any]) -> Progress:
    return Progress(_by_partition(v["event_times"]), _by_partition(v["append_times"]), v["watermark"])


def _gap(v: Mapping[str, Any]) -> Gap:
    return Gap(**{**v, "kind": GapKind(v["kind"]), "holes": tuple(Hole(**hole) for hole in v["holes"])})


def _by_partition(v: Mapping[str, int]) -> dict[int, int]:
    return {int(p): n for p, n in v.items()}
