"""A person's word that Weir leaves a job alone, as plain values: which of it is in force, and how it reads."""

from __future__ import annotations

from collections.abc import Sequence

from weir.ports.jobs import Pause
from weir.times import iso

HOLD, MAINTENANCE = "hold", "maintenance"


def in_force(pauses: Sequence[Pause], now: int) -> Sequence[Pause]:
    """Those that have not ended by `now` (ms). When they began is not asked: the clock of whoever said it may be ahead."""
    return [p for p in pauses if not p.until or now < p.until]


def in_words(pause: Pause) -> str:
    if pause.kind == MAINTENANCE:
        return f"in maintenance by {pause.who} until {iso(pause.until)}: {pause.reason}"
    return f"held by {pause.who} since {iso(pause.since)}: {pause.reason}"
