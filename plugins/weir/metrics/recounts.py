"""Differences found by recent recounts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """The maximum of missing and of doubled lines over some recounts."""

    missing: int
    doubled: int
    at: int  # ms: the newest recount


def worst(records: Sequence[Record], proven_at: int) -> Found | None:
    """Return the maximum over the recounts since the counts were last proven (ms), or of the newest one. `records` are newest first.

    Every recount of the same hours finds the same difference, or a part of it: so the maximum and not the sum.
    """
    if not records:
        return None
    since = [record for record in records if record["at"] > proven_at] or records[:1]
    return Found(max(r["missing"] for r in since), max(r["doubled"] for r in since), records[0]["at"])
