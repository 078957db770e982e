"""Compare the attempts of a job: did the same failure come twice, and how long may an attempt take? Pure."""

from __future__ import annotations

from weir.ports.attempts import AttemptRow
from weir.supervise.judge.observation import Observation
from weir.supervise.judge.report import Verdict

MORE_PATIENCE = 8  # the largest factor: a driver that hangs must still be found


def first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else ""


def fingerprint(row: AttemptRow) -> tuple[int, str]:
    """Return what identifies a failure: the batch, and the error without its digits, which differ each time."""
    digits = "".join("0" if c.isdigit() else c for c in first_line(row.exit_error))
    return row.exit_batch, digits


def failed_twice(seen: Observation, row: AttemptRow) -> bool:
    """Return whether the attempt failed in the same batch and with the same error as the one before it."""
    earlier = next((a for a in seen.attempts if a.attempt < row.attempt and a.used), None)  # numbers may be left out
    failed = row.exit_reason == "failed" and row.exit_batch >= 0
    return bool(earlier and failed and fingerprint(earlier) == fingerprint(row))


def fix_and_deploy(job: str) -> str:
    """Return the next step after a fault of the job: a deploy takes what was fixed in its spec or code, which a restart does not."""
    return f"weir logs driver:{job}; fix the cause, then weir deploy {job}"


def after_the_end(job: str, row: AttemptRow) -> str:
    """Return the next step after a driver has ended."""
    return fix_and_deploy(job) if row.exit_reason in ("failed", "out_of_memory") else f"weir restart {job}"


def stopped_with_stack(job: str, row: AttemptRow) -> tuple[Verdict, str, str]:
    """Return the verdict on an attempt whose driver ended in a planned stop of its cluster: no incident, and the next one starts."""
    return Verdict.STARTING, f"{job}: attempt {row.attempt} was stopped with the stack, and the next one starts", ""


def patience(seen: Observation) -> int:
    """Return the factor on the spec's time limits: it doubles with each attempt in a row that landed nothing.

    On a machine that was busy with other work, start and first batch took 128 s: no driver was given long enough to land.
    """
    fruitless = sum(1 for a in seen.attempts if a.submission_id and seen.head and seen.landed_attempt < a.attempt < seen.head.attempt)
    return min(MORE_PATIENCE, 1 << fruitless)
