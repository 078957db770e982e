"""Judge landed jobs that stopped because their results might become wrong without notice. Only an operator can continue them. Pure."""

from __future__ import annotations

from spark_jobs.runtime.contract import Exit
from weir.ports.attempts import AttemptRow
from weir.supervise.judge.attempts import first_line
from weir.supervise.judge.report import Verdict

CHOICES = "weir checkpoint {job} --rebuild --state kept, or --state empty; or a new job that reads from the beginning into a new target"
STOPS = {
    Exit.STATE_LOST: (
        Verdict.STATE_LOST,
        "the state that the next batch needs is lost, and Weir begins with empty state only if an operator says so",
        f"{CHOICES}: see docs/runbook.md#state_lost",
    ),
    Exit.NOT_DETERMINISTIC: (
        Verdict.NOT_DETERMINISTIC,
        "its pipeline is not deterministic; the second rows were not written",
        "remove what differs each time (now(), rand(), the order of rows), then weir deploy {job}: see docs/runbook.md#not_deterministic",
    ),
    Exit.SINK_DIFFERS: (
        Verdict.SINK_DIFFERS,
        "sink and ledger disagree on which batches have landed",
        "find out which of them was restored from a copy, or what else writes to the target: see docs/runbook.md#sink_differs",
    ),
}
BY_REASON = {reason.name.lower(): stop for reason, stop in STOPS.items()}


def of_stop(job: str, row: AttemptRow) -> tuple[Verdict, str, str] | None:
    """Return the verdict on an attempt that ended for one of these reasons, its sentence and the next step; None for other endings."""
    found = BY_REASON.get(row.exit_reason)
    if found is None:
        return None
    verdict, what, next_step = found
    return verdict, f"{job}: {what}: {first_line(row.exit_error)}", next_step.format(job=job)
