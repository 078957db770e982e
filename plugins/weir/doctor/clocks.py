"""Compare this machine's clock with those of servers. Lines are rejected as `future` by the difference of clocks. Pure."""

from __future__ import annotations

from weir.doctor.line import Line, fine, wrong

MOST_S = 30.0
CURE = "Set the clocks of both machines by NTP."


def clock(check: str, ahead_s: float) -> Line:
    """`ahead_s` is by how much the server's clock is ahead of this one, in s."""
    side = "ahead of" if ahead_s > 0 else "behind"
    if abs(ahead_s) > MOST_S:
        return wrong(check, f"{abs(ahead_s):.0f} s {side} this machine", CURE)
    return fine(check, f"differs by less than {max(1.0, abs(ahead_s)):.0f} s")
