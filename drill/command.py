"""`python -m drill`: faults on a real stack under load, and the counts compared with what was sent."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weir.cli.common import FormatOption
from weir.output import Format, say, show, show_json

if TYPE_CHECKING:
    from drill.run import Row
    from drill.stage import Stage

COLUMNS = ("fault", "result", "detect_s", "landed_s", "lines", "duplicates", "losses", "rejected", "false_alarms")


def drill(
    only: Annotated[str | None, typer.Option("--only", metavar="F1,F7", help="Play only these faults, by number or name.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The seed; the same one repeats the same schedule.")] = 1,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often to play everything, each time with the next seed.")] = 1,
    list_: Annotated[bool, typer.Option("--list", help="Only list the faults.")] = False,
    here: Annotated[bool, typer.Option("--here", help="Use the running stack of WEIR_HOME instead of a new one.")] = False,
    keep: Annotated[Path | None, typer.Option("--home", metavar="DIR", help="The state folder of the new stack; kept afterwards.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Break a real stack under a steady load, and compare all counts with what was sent. Exit code 1 if anything is wrong.

    It starts a stack of its own, on free ports and in a state folder of its own, and ends it afterwards.

    Example: python -m drill --only F1,F7 --seed 7
    """
    from drill.matrix import chosen

    faults = chosen([name.strip() for name in only.split(",")] if only else [])
    if list_:
        rows = [{"fault": each.name, "title": each.title, "needs": ", ".join(sorted(each.needs))} for each in faults]
        return show(rows, form)
    from drill.run import play
    from weir.local.stack import told_to_end

    done: list[Row] = []
    try:
        # A cancelled drill must still remove its network cuts and its small disks.
        with told_to_end(), _stage(here, keep) as stage:
            for run in range(runs):
                for row in play(stage, faults, seed + run, run):
                    done.append(row)
                    _tell(row)
    finally:  # also of one that is cancelled after hours
        if done:
            _conclude(done, form)
    if any(row.failed for row in done):
        raise typer.Exit(1)


def _conclude(done: Sequence[Row], form: Format) -> None:
    if form is Format.JSON:
        show_json([row.as_dict() for row in done])
    else:
        show([{**row.as_dict(), "result": _result(row)} for row in done], form, COLUMNS)


@contextmanager
def _stage(here: bool, keep: Path | None) -> Iterator[Stage]:
    from drill import stage
    from weir.local.report import Lines

    if here:
        with stage.running() as found:
            yield found
    elif keep:
        with stage.own(keep, Lines(sys.stderr)) as found:
            yield found
    else:
        with tempfile.TemporaryDirectory(prefix="weir-drill-") as folder, stage.own(Path(folder), Lines(sys.stderr)) as found:
            yield found


def _tell(row: Row) -> None:
    """Print a line for each fault as soon as it is done; for a failed one everything needed to repeat it."""
    say(f"{row.fault:<18} {_result(row):<8} {row.title}" + "".join(f"\n{'':<28}{note}" for note in row.notes))
    if row.skipped:
        say(f"{'':<28}{row.skipped}")
    if row.failed:
        say(f"{'':<28}seed {row.seed}, {', '.join(row.schedule)}: {row.failed}")


def _result(row: Row) -> str:
    return "skipped" if row.skipped else "FAILED" if row.failed else "ok"
