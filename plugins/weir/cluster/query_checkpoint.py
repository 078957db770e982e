"""Read the progress of one Spark query from the files of its checkpoint. Pure.

A batch is planned in `offsets/N` and committed in `commits/N`. The first line of a file is the version of its format, the second is
metadata in JSON. In `offsets/N` each line after that is the end offset of a source in the source's own form, `-` for none; in format v2
after the source's name and a colon. `sources/S/0` is where Kafka source S began. Checked with pyspark 4.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from weir.ports.checkpoints import Ends, QueryProgress

Files = Mapping[int, bytes]  # by batch
VERSION = re.compile(r"\0?v\d+")
NAME = re.compile(r"\A[^{\[:]*:")  # of a source, in format v2


def progress_of(
    folder: str, offsets: Files, commits: Files, committed_at: Mapping[int, int], initial: Iterable[bytes] = (), metadata: bytes = b""
) -> QueryProgress:
    """Return the progress of a query from the newest files of its folder.

    `committed_at` is when the files of `commits` were written (ms), `initial` where its sources began. A file that is not whole is being
    written, or was torn: such a commit does not count, and the ends of such a planned batch are unknown.
    """
    committed = max((batch for batch, data in commits.items() if _body(data) is not None), default=-1)
    planned = max([*offsets, committed], default=-1)
    began = _merged([ends_of(data) for data in initial]) if committed < 0 else None
    return QueryProgress(
        folder=folder,
        planned=planned,
        committed=committed,
        planned_ends=ends_of(offsets[planned]) if planned in offsets else None,
        committed_ends=ends_of(offsets[committed]) if committed in offsets else began,
        committed_at=committed_at.get(committed, 0),
        query=_id(metadata),
    )


def ends_of(data: bytes) -> Ends | None:
    """Return the offsets of the Kafka sources in an `offsets/N` or a `sources/S/0`, by topic and partition.

    Empty if no source is Kafka, None if the file is not whole.
    """
    body = _body(data)
    sources = [NAME.sub("", line, count=1) for line in body or ()]
    if not sources or not all(map(_whole, sources)):
        return None
    return _merged([_kafka(source) for source in sources])


def _id(metadata: bytes) -> str:
    found = _json(metadata.decode(errors="replace"))
    return str(found.get("id", "")) if isinstance(found, dict) else ""


def _merged(many: Iterable[Ends | None]) -> Ends | None:
    """Return the smallest offsets of several, since two sources may read one partition; None if there are none, or one is unknown."""
    merged: dict[str, dict[int, int]] = {}
    known = list(many)
    for ends in known:
        if ends is None:
            return None
        for topic, partitions in ends.items():
            there = merged.setdefault(topic, {})
            there |= {p: min(end, there.get(p, end)) for p, end in partitions.items()}
    return merged if known else None


def _body(data: bytes) -> list[str] | None:
    """Return the lines after version and metadata (files of sources have no metadata); None if the file is not whole."""
    version, *lines = data.decode(errors="replace").split("\n")
    if not VERSION.fullmatch(version) or not lines:
        return None
    if version.startswith("\0"):
        return lines
    return lines[1:] if isinstance(_json(lines[0]), dict) else None


def _whole(source: str) -> bool:
    """Return whether the line was written to its end, which only JSON objects and lists show."""
    return bool(source) and (source[0] not in "{[" or _json(source) is not None)


def _kafka(source: str) -> Ends:
    """Return the offsets of the form {topic: {partition: offset}}; empty for other sources."""
    found = _json(source)
    topics = found.items() if isinstance(found, dict) else ()
    return {str(t): {int(p): end for p, end in ends.items()} for t, ends in topics if isinstance(ends, dict) and _are_offsets(ends)}


def _are_offsets(ends: Mapping[str, object]) -> bool:
    return all(p.isdecimal() and type(end) is int for p, end in ends.items())


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
