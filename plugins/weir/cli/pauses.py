"""`weir timeline | hold | maintenance`: a job's timeline, and its pauses."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.common import FormatOption, JobArgument, Reason, Wide, opened_manager, say_done, who
from weir.output import Format, show


def timeline(
    job: JobArgument,
    last: Annotated[int, typer.Option("--last", min=1, max=10_000, help="How many entries.")] = 20,
    wide: Wide = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a job's timeline, newest first: deploys, restarts, verdicts, pauses, with who did it and why.

    Example: weir timeline error_counts --last 50
    """
    from weir import rows
    from weir.jobs.specs import find

    with opened_manager() as manager:
        events = manager.store.events(job, last)
        if not events:
            find(manager.specs, job)  # a job whose folder was removed still has its timeline
    found = [rows.event(line) for line in events]
    show(found, form, None if form is Format.JSON else rows.EVENT, empty=f"The timeline of {job} is empty.", wide=wide)


def hold(
    job: JobArgument,
    reason: Reason = "",
    release: Annotated[bool, typer.Option("--release", help="End the hold: automatic actions resume.")] = False,
) -> None:
    """Pause automatic actions on a job until you release it. Actions that you ask for still run.

    Example: weir hold error_counts --reason "looking into it"
    """
    with opened_manager() as manager:
        say_done(manager.release(job, who(), reason) if release else manager.hold(job, who(), reason))


def maintenance(
    job: JobArgument,
    lasts: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Duration from now, such as 2h.")] = None,
    comment: Annotated[str, typer.Option("--comment", help="The reason, shown with the job and recorded in its timeline.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the window now.")] = False,
) -> None:
    """Pause automatic actions on a job for a limited time. Actions that you ask for still run.

    Example: weir maintenance error_counts --for 2h --comment "new disks"
    """
    from weir.times import parse_duration

    for_ms = parse_duration(lasts, "for") if lasts else 0
    with opened_manager() as manager:
        say_done(manager.end_maintenance(job, who(), comment) if end else manager.maintenance(job, for_ms, who(), comment))
