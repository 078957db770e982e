"""`weir timeline | hold | maintenance`: what was done about a job, and a person's word that Weir leaves it alone."""

from __future__ import annotations

from typing import Annotated

import typer

from weir.cli.common import FormatOption, JobArgument, Reason, opened_manager, say_done, who
from weir.output import Format, show


def timeline(
    job: JobArgument,
    last: Annotated[int, typer.Option("--last", min=1, max=10_000, help="How many lines, the newest first.")] = 20,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what was done about a job, by whom and why: deploys, restarts, verdicts, holds. The newest first.

    Example: weir timeline error_counts --last 50
    """
    from weir import rows
    from weir.jobs.specs import find

    with opened_manager() as manager:
        events = manager.store.events(job, last)
        if not events:
            find(manager.specs, job)  # of a job whose folder is gone there is still the timeline
    found = [rows.event(line) for line in events]
    show(found, form, None if form is Format.JSON else rows.EVENT, empty=f"Nothing was done about {job} yet.")


def hold(
    job: JobArgument,
    reason: Reason = "",
    release: Annotated[bool, typer.Option("--release", help="Let Weir act on the job again.")] = False,
) -> None:
    """Keep Weir from doing anything about a job by itself, until it is released. What you ask for still happens.

    Example: weir hold error_counts --reason "looking into it"
    """
    with opened_manager() as manager:
        say_done(manager.release(job, who(), reason) if release else manager.hold(job, who(), reason))


def maintenance(
    job: JobArgument,
    lasts: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="How long from now on, such as 2h.")] = None,
    comment: Annotated[str, typer.Option("--comment", help="Why; shown wherever the job is, and kept in its timeline.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the window before its time.")] = False,
) -> None:
    """Keep Weir from doing anything about a job by itself for a time; then it goes on by itself. What you ask for still happens.

    Example: weir maintenance error_counts --for 2h --comment "new disks"
    """
    from weir.times import parse_duration

    for_ms = parse_duration(lasts, "for") if lasts else 0
    with opened_manager() as manager:
        say_done(manager.end_maintenance(job, who(), comment) if end else manager.maintenance(job, for_ms, who(), comment))
