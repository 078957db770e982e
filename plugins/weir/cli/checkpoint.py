"""`weir checkpoint | quarantine`: where a stream continues, and what it leaves out on an operator's decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weir.cli.common import FormatOption, JobArgument, Reason, StateOption, Yes, opened_manager, who
from weir.output import Format, say, show, show_json

if TYPE_CHECKING:
    from weir.supervise.judge.restart import Action
    from weir.supervise.manager import Manager


def checkpoint(
    job: JobArgument,
    doctor: Annotated[
        bool, typer.Option("--doctor", help="List damaged files with the safe action for each. Exit code 1 if one is harmful.")
    ] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Begin a new epoch exactly where the ledger ends. Asks first.")] = False,
    yes: Yes = False,
    reason: Reason = "by command line",
    state: StateOption = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the checkpoint that a job continues from: last batches, offsets, size, findings.

    Example: weir checkpoint error_counts --doctor
    """
    from weir.jobs.kinds import Capability
    from weir.jobs.specs import require
    from weir.supervise.judge.restart import Action

    with opened_manager() as manager:
        require(manager.specs, job, Capability.LANDS)
        if rebuild:
            return begin(manager, job, Action.REBUILD, yes, reason, state=state)
        _show(manager, job, doctor, form)


def _show(manager: Manager, job: str, doctor: bool, form: Format) -> None:
    from weir import rows
    from weir.supervise.judge.doctor import examine

    seen = manager.checkpoint(job)
    if seen is None:
        return say(f"{job} has not been deployed yet. Run: weir deploy {job}")
    findings = examine(seen)
    harmful = [finding for finding in findings if not finding.harmless]
    if doctor:
        show([rows.finding(finding) for finding in findings], form, empty=f"No findings: the checkpoint of {job} is in order.")
    else:
        row = rows.checkpoint(seen, len(harmful))
        show_json(row) if form is Format.JSON else show([row], form) if form is Format.CSV else _tell(row)
    if harmful:
        raise typer.Exit(1)


def _tell(row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        text = ", ".join(f"{p}: {o}" for p, o in value.items()) if isinstance(value, Mapping) else value
        typer.echo(f"{name + ':':<17}{'none' if text in (None, '') else text}")


def quarantine(
    job: JobArgument,
    reason: Annotated[str, typer.Option("--reason", help="The reason, recorded in the ledger for good.")],
    batch: Annotated[int | None, typer.Option("--batch", min=0, help="The batch. By default the poisoned one of the verdict.")] = None,
    yes: Yes = False,
    state: StateOption = "",
) -> None:
    """Leave out exactly the poisoned batch and continue behind it. Asks first. The ledger records its offsets as a gap.

    Example: weir quarantine error_counts --reason "a line that the parser cannot read"
    """
    from weir.jobs.kinds import Capability
    from weir.jobs.specs import require
    from weir.supervise.judge.restart import Action

    with opened_manager() as manager:
        require(manager.specs, job, Capability.LANDS)
        begin(manager, job, Action.QUARANTINE, yes, reason, manager.poisoned(job) if batch is None else batch, state)


def begin(manager: Manager, job: str, act: Action, yes: bool, reason: str, batch: int = -1, state: str = "") -> None:
    """Print where a new epoch would begin and what it would leave out, ask, and begin exactly that."""
    from weir.jobs.kinds import Capability
    from weir.jobs.specs import require
    from weir.supervise.judge.epoch_start import in_words
    from weir.supervise.judge.restart import Action

    require(manager.specs, job, Capability.LANDS)
    judged, there = manager.foresee(job, act, reason, batch, state)
    for line in in_words(job, there):
        say(line)
    if not yes and not typer.confirm("Continue?", err=True):
        raise typer.Exit(1)
    if act is Action.QUARANTINE:
        action = manager.quarantine(job, judged, who(), reason, batch, there.mark, state)
    else:
        action = (manager.accept_loss if act is Action.ACCEPT_LOSS else manager.rebuild)(job, judged, who(), reason, there.mark, state)
    say(action.sentence)
