"""Note when the embedded stack was stopped on request: every process of it had ended by then, so its drivers had, too."""

from __future__ import annotations

import json
import time
from pathlib import Path

from weir.settings import Settings

FILE = "stopped.json"


def note(settings: Settings) -> None:
    """Note that every process of the stack has ended, now."""
    folder = Path(settings.home)
    if folder.is_dir():
        (folder / FILE).write_text(json.dumps({"at": time.time_ns() // 1_000_000, "spark_rest": settings.spark_rest}))


def stopped_at(settings: Settings) -> int:
    """Return when the stack was last stopped on request (ms); 0 if it never was, or if the settings name another cluster."""
    try:
        found = json.loads((Path(settings.home) / FILE).read_text())
        return int(found["at"]) if found["spark_rest"] == settings.spark_rest else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0
