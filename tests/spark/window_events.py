"""The events of the windows' tests: web has an error in each of the first two batches of 10 s, and none in the next three."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

Line = tuple[int, str]  # second, and what it says
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCHES: Sequence[Sequence[Line]] = (
    [(3, "web error 120"), (9, "web warn 30")],
    [(14, "web error 250")],
    [(25, "shop notice 80")],
    [(33, "web notice 90")],
    [(41, "web notice 70")],
)
END: Sequence[Line] = [(600, "end notice 1")]  # its time closes all windows before it


def write(folder: Path, batches: Sequence[Sequence[Line]]) -> Path:
    """Write a file of JSON lines for each batch. Spark reads the oldest first."""
    folder.mkdir()
    for number, lines in enumerate(batches):
        file = folder / f"{number}.json"
        rows = ({"timestamp": (START + timedelta(seconds=second)).isoformat(), "value": value} for second, value in lines)
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        os.utime(file, (1_700_000_000 + number,) * 2)
    return folder


def second(moment: datetime) -> int:
    """Return the second of a time that Spark gave, which has no zone: the session's is UTC and Python's may be another."""
    return round((moment.astimezone(UTC) - START).total_seconds())
