"""What recounts found lately. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """The most lines that one recount found missing, and doubled; the newest one was made `at` (ms)."""

    missing: int
    doubled: int
    at: int


def worst(records: Sequence[Record], proven_at: int) -> Found | None:
    """Of those since the counts were last proven (ms), or else of the newest one. `records` are newest first.

    A difference is found again by every recount of its hours, and not all of it by each: so the most of one, and no sum.
    """
    if not records:
        return None
    since = [record for record in records if record["at"] > proven_at] or records[:1]
    return Found(max(r["missing"] for r in since), max(r["doubled"] for r in since), records[0]["at"])
