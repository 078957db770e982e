"""`weir jobs | deploy | restart | stop | health`: operate the streams, through the manager as Airflow's tasks do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from weir.cli.common import FormatOption, JobArgument, Reason, StateOption, Yes, opened_manager, say_done, who
from weir.output import Format, result, say, show, show_json

if TYPE_CHECKING:
    from weir.supervise.judge.report import Report
    from weir.supervise.manager import Manager

Wait = Annotated[bool, typer.Option("--wait", help="Wait until the job is ready. Exit code 1 if it is not within health.ready_within.")]
WELL = ("ok", "idle", "starting", "catching_up")


def jobs(form: FormatOption = Format.TABLE) -> None:
    """List the jobs with their desired state and verdict.

    Example: weir jobs
    """
    from weir import rows
    from weir.jobs.kinds import KINDS
    from weir.jobs.specs import bad_of

    with opened_manager() as manager:
        found, bad = rows.jobs(manager, manager.specs), bad_of(manager.specs)
    show(found, form, empty="There are no jobs.")
    for kind in sorted({row["kind"] for row in found}) if form is Format.TABLE else ():
        say(f"{kind}: {KINDS[kind].promise}")
    for error in bad.values():
        say(str(error))


def health(
    job: JobArgument,
    form: FormatOption = Format.TABLE,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 unless the job is healthy and nothing else is wrong.")] = False,
) -> None:
    """Print a job's verdict, since when it holds, its evidence, and the next step.

    Example: weir health error_counts --format json
    """
    from weir import rows
    from weir.jobs.specs import find
    from weir.supervise.judge.concern import concerns_of
    from weir.supervise.judge.summary import summary

    with opened_manager() as manager:
        (report,) = manager.onlooker().reports({job: find(manager.specs, job)})
    if form is Format.JSON:
        show_json(rows.health(report))
    elif form is Format.CSV:
        show([{"job": job, **summary(report), "sentence": report.sentence}], form)
    else:
        _tell(report)
    if check and (report.verdict not in WELL or concerns_of(report.evidence)):
        raise typer.Exit(1)


def _tell(report: Report) -> None:
    from weir.rows import moment
    from weir.supervise.judge.concern import EVIDENCE, concerns_of

    typer.echo(f"{str(report.verdict).replace('_', ' ')} since {moment(report.since)}")
    typer.echo(report.sentence)
    if report.next_step:
        typer.echo(f"next: {report.next_step}")
    for concern in concerns_of(report.evidence):
        typer.echo(f"{concern.name} since {moment(concern.since)}: {concern.sentence}\nnext: {concern.next_step}")
    typer.echo("evidence:")
    for name, value in report.evidence.items():
        if name != EVIDENCE:
            typer.echo(f"  {name}: {_value(name, value)}")


def _value(name: str, value: object) -> str:
    from weir.output import cell
    from weir.rows import is_moment, moment

    if is_moment(name) and isinstance(value, int):
        return moment(value) or "never"
    return ", ".join(f"{k}: {_value(k, v)}" for k, v in value.items()) if isinstance(value, Mapping) else cell(value)


def deploy(
    job: JobArgument,
    reason: Reason = "",
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what a deploy would do, and do nothing. Exit code 1 if it would be refused.")
    ] = False,
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="Go back to this deployed version.")] = "",
    wait: Wait = False,
) -> None:
    """Deploy the job's spec and code of this checkout. Nothing happens if they run already.

    Example: weir deploy error_counts --plan
    """
    with opened_manager() as manager:
        planned = manager.plan(job, to)
        if not plan:
            say_done(action := manager.deploy(job, who=who(), reason=reason, plan=planned))
            return _await_ready(manager, job, action.attempt) if wait else None
    for line in planned.lines():
        typer.echo(line)
    if planned.refusals:
        raise typer.Exit(1)


def versions(job: JobArgument, form: FormatOption = Format.TABLE) -> None:
    """List the deployed versions of a job, newest first: which one is current, which were ever ready, which are kept.

    Example: weir versions error_counts
    """
    from weir import rows

    with opened_manager() as manager:
        found = rows.versions(manager, job)
    show(found, form, empty=f"{job} has not been deployed yet.")


def restart(
    job: JobArgument,
    reason: Reason = "",
    attempt: Annotated[int | None, typer.Option("--attempt", help="Restart only if this attempt is still the current one.")] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Accept the data loss: continue where the broker can still be read. Asks first.")
    ] = False,
    yes: Yes = False,
    wait: Wait = False,
    state: StateOption = "",
) -> None:
    """Start a job's next attempt from the same checkpoint. The previous driver can no longer write.

    Example: weir restart error_counts --reason "new certificates"
    """
    from weir.cli.checkpoint import begin
    from weir.supervise.judge.restart import Action

    with opened_manager() as manager:
        if accept_loss:
            return begin(manager, job, Action.ACCEPT_LOSS, yes, reason, state=state)
        reason = reason or "by command line"
        say_done(action := manager.restart(job, attempt, who=who(), reason=reason))
        if wait:
            _await_ready(manager, job, action.attempt)


def _await_ready(manager: Manager, job: str, attempt: int) -> None:
    """Wait until the attempt is ready. Raises TimedOut after the spec's `health.ready_within`, and an error if it cannot become ready."""
    from weir.errors import TimedOut
    from weir.jobs.specs import find

    within_s = manager.specs[job].health.ready_within
    found = manager.wait_ready(job, attempt, within_s)
    if not found.sentence:
        (report,) = manager.onlooker().reports({job: find(manager.specs, job)})
        raise TimedOut(f"Attempt {attempt} of {job} was not ready in {within_s:.0f} s. {report.sentence}.", f"See: weir health {job}")
    result(found.sentence)


def stop(job: JobArgument, reason: Reason = "by command line") -> None:
    """Stop a job until its next deploy. The current batch lands first. Lines not committed within 30 s are counted after the next deploy.

    Example: weir stop error_counts --reason "moving the cluster"
    """
    with opened_manager() as manager:
        say_done(manager.stop(job, who=who(), reason=reason))


def confirm_ended(
    job: JobArgument,
    reason: Annotated[str, typer.Option("--reason", help="How you made sure; kept in the timeline.")],
    attempt: Annotated[int | None, typer.Option("--attempt", help="Only if this attempt is still the one that may write.")] = None,
    yes: Yes = False,
) -> None:
    """Say that a plain job's driver has ended, which the cluster lost: Weir starts the next one then. Asks first.

    Example: weir confirm-ended words --reason "the machine was replaced"
    """
    with opened_manager() as manager:
        at = manager.confirmable(job) if attempt is None else attempt
        say(f"If the driver of {job}, attempt {at}, still runs, there will be two, and both write.")
        if not yes and not typer.confirm("Have you made sure that it has ended?", err=True):
            raise typer.Exit(1)
        say_done(manager.confirm_ended(job, at, who=who(), reason=reason))
