"""Convert heads to and from the JSON text in the store.

A head of one source has its identity as `topic_id`, and partitions by number, as every release reads it. A head of several sources has
partitions as `source:number`: a release that supports only one source fails to read it, and cannot misread it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from spark_jobs.protocol.gap import Gap, GapKind, Hole
from spark_jobs.protocol.head import Digest, Head, Offsets, Partition, Progress, State, Totals

COLUMNS = ("plan", "digest", "files")  # of a landed job; in columns of their own, so that records of counts jobs stay as they are
KNOWN = frozenset(each.name for each in fields(Head)) - {*COLUMNS}
RANGES = ("start", "end")
PROGRESS = ("before", "progress")
TIMES = ("event_times", "append_times")
# Left out while they are what they are in every job of the release, which has none of them.
OPTIONAL = {"names": {}, "begins": {}, "arrived_by": 0, "stateful": False, "base": -1, "state_epoch": 0}


def dump(head: Head) -> str:
    """Return the head as JSON, without its COLUMNS."""
    values = {name: value for name, value in asdict(head).items() if name not in COLUMNS}
    sources = head.sources | {p.source for p in head.start}
    one = next(iter(sources), "") if len(sources) < 2 else None
    for name in RANGES:
        values[name] = _dumped(values[name], one)
    for name in PROGRESS:
        values[name] |= {times: _dumped(values[name][times], one) for times in TIMES}
    if one is not None:
        values["topic_id"] = one
    values["begins"] = {str(p): n for p, n in head.begins.items()}
    for name in (name for name, usual in OPTIONAL.items() if values[name] == usual):
        del values[name]
    if head.gap is None:
        del values["gap"]
    else:
        values["gap"] = dump_gap(head.gap)
    return json.dumps(values, separators=(",", ":"), sort_keys=True)


def load(text: str, plan: bytes | None = None, digest: str | None = None, files: bytes | None = None) -> Head:
    """Read what `dump` wrote, and the columns beside it. Raises ValueError, KeyError or TypeError on anything else.

    Fields that a later version has added are ignored, so that a job can be rolled back to this one.
    """
    read = dict(json.loads(text))
    source = read.get("topic_id", "")
    v = {name: value for name, value in read.items() if name in KNOWN}
    v["state"] = State(v["state"])
    v["start"], v["end"] = _loaded(v["start"], source), _loaded(v["end"], source)
    v["totals"] = Totals(**v["totals"])
    v["before"], v["progress"] = _progress(v["before"], source), _progress(v["progress"], source)
    v["gap"] = _gap(v["gap"]) if "gap" in v else None
    v["begins"] = _loaded(v.get("begins", {}), source)
    v["epoch_ends"] = tuple(v["epoch_ends"])
    return Head(**v, plan=bytes(plan or b""), digest=Digest.parse(digest or ""), files=bytes(files or b""))


def _dumped(offsets: Offsets, one: str | None) -> dict[str, int]:
    return {str(p) if one is None else str(p.number): n for p, n in offsets.items()}


def _loaded(v: Mapping[str, int], source: str) -> Offsets:
    return {Partition.parse(p, source): n for p, n in v.items()}


def _progress(v: Mapping[str, Any], source: str) -> Progress:
    return Progress(_loaded(v["event_times"], source), _loaded(v["append_times"], source), v["watermark"])


def dump_hole(hole: Hole) -> dict[str, Any]:
    return {"topic_id": hole.partition.source, "partition": hole.partition.number, "start": hole.start, "end": hole.end}


def dump_gap(gap: Gap) -> dict[str, Any]:
    """Return a gap as JSON has it. An earlier release, whose jobs have no state, does not know `gives_up_state`."""
    values = {**asdict(gap), "kind": str(gap.kind), "holes": [dump_hole(hole) for hole in gap.holes]}
    return values if gap.gives_up_state else {name: value for name, value in values.items() if name != "gives_up_state"}


def _gap(v: Mapping[str, Any]) -> Gap:
    holes = tuple(Hole(Partition(h["topic_id"], h["partition"]), h["start"], h["end"]) for h in v["holes"])
    return Gap(**{**v, "kind": GapKind(v["kind"]), "holes": holes})
