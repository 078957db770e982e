"""Judge landed jobs that stopped because their results might otherwise go wrong silently. Only an operator can continue them. Pure."""

from __future__ import annotations

from spark_jobs.protocol.head import Head
from spark_jobs.runtime.contract import Exit
from weir.ports.attempts import AttemptRow
from weir.supervise.judge.attempts import first_line
from weir.supervise.judge.report import Verdict

CHOICES = "weir checkpoint {job} --rebuild --state kept, or --state empty; or a new job that reads from the beginning into a new target"
STOPS = {
    Exit.STATE_LOST: (
        Verdict.STATE_LOST,
        "the state that the next batch needs is lost; Weir begins with empty state only if an operator chooses that",
        f"{CHOICES}: see docs/runbook.md#state_lost",
    ),
    Exit.NOT_DETERMINISTIC: (
        Verdict.NOT_DETERMINISTIC,
        "the pipeline is not deterministic: a batch gave different rows the second time, which were not written",
        "remove what changes each time (now(), rand(), the order of rows), then weir deploy {job}: see docs/runbook.md#not_deterministic",
    ),
    Exit.FILES_CHANGED: (
        Verdict.FILES_CHANGED,
        "files of a batch were changed or deleted after it was claimed; nothing was written since",
        "put the files back with the same size and time, then weir restart {job}; or leave the batch out: see docs/runbook.md#weir-327",
    ),
    Exit.SINK_DIFFERS: (
        Verdict.SINK_DIFFERS,
        "sink and ledger disagree on which batches have landed",
        "find out whether sink or store was restored from a copy, or what else writes to the target: see docs/runbook.md#sink_differs",
    ),
}
NEW_STATE = (
    Verdict.STATE_LOST,
    "this version keeps state, but earlier batches left none",
    "weir deploy {job} --to VERSION, with the previous version; or begin with empty state: weir checkpoint {job} --rebuild",
)
NO_LISTS = (
    Verdict.STATE_LOST,
    "the lists of the files that the job has read are lost, and without them Spark would read all files again",
    "restore a checkpoint of the job, then weir restart {job}; or a new job that reads from the beginning into a new target",
)
BY_REASON = {reason.name.lower(): stop for reason, stop in STOPS.items()}


def state_lost(head: Head, reported: bool = False) -> tuple[Verdict, str, str]:
    """Return the verdict, what is lost, and the next step. `reported`: a driver reported that it cannot load the state."""
    if head.stateful:
        return STOPS[Exit.STATE_LOST]
    if head.reads_folders and not head.incarnation:
        return NO_LISTS
    return NEW_STATE if reported else STOPS[Exit.STATE_LOST]


def of_stop(head: Head, row: AttemptRow) -> tuple[Verdict, str, str] | None:
    """Return verdict, sentence and next step for an attempt that ended for one of these reasons; None for other reasons."""
    job, found = head.job, BY_REASON.get(row.exit_reason)
    if found is None:
        return None
    verdict, what, next_step = state_lost(head, reported=True) if found is STOPS[Exit.STATE_LOST] else found
    return verdict, f"{job}: {what}: {first_line(row.exit_error)}", next_step.format(job=job)
