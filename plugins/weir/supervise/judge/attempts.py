"""What the attempts of a job tell: whether the same failure came twice, and how much patience one is owed. Pure."""

from __future__ import annotations

from weir.ports.attempts import AttemptRow
from weir.supervise.judge.observation import Observation

MORE_PATIENCE = 8  # times at most: a driver that hangs is found out in the end


def first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else ""


def fingerprint(row: AttemptRow) -> tuple[int, str]:
    """What tells one failure from another: the batch, and the error without what differs each time."""
    digits = "".join("0" if c.isdigit() else c for c in first_line(row.exit_error))
    return row.exit_batch, digits


def failed_twice(seen: Observation, row: AttemptRow) -> bool:
    """Did the attempt fail in the same batch and with the same error as the one before it?"""
    earlier = next((a for a in seen.attempts if a.attempt < row.attempt and a.used), None)  # numbers may be left out
    failed = row.exit_reason == "failed" and row.exit_batch >= 0
    return bool(earlier and failed and fingerprint(earlier) == fingerprint(row))


def patience(seen: Observation) -> int:
    """How many times as long as the spec says an attempt is given: twice as long after each one before it that landed nothing.

    On a machine that was busy with other work, start and first batch took 128 s: no driver was given long enough to land.
    """
    fruitless = sum(1 for a in seen.attempts if a.submission_id and seen.head and seen.landed_attempt < a.attempt < seen.head.attempt)
    return min(MORE_PATIENCE, 1 << fruitless)
