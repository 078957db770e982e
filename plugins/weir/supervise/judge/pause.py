"""Which pauses of a job are active, and how they read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from weir.ports.timeline import Pause
from weir.times import iso

HOLD, MAINTENANCE = "hold", "maintenance"


def in_force(pauses: Sequence[Pause], now: int) -> Sequence[Pause]:
    """Return those that have not ended by `now` (ms). When they began does not matter: the clock of whoever paused may be ahead."""
    return [p for p in pauses if not p.until or now < p.until]


def in_words(pause: Pause) -> str:
    if pause.kind == MAINTENANCE:
        return f"in maintenance by {pause.who} until {iso(pause.until)}: {pause.reason}"
    return f"held by {pause.who} since {iso(pause.since)}: {pause.reason}"
