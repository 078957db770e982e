"""`weir doctor`: check the whole environment in one go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from weir.cli.common import FormatOption
from weir.output import Format, printable, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weir.doctor.line import Line


def doctor(form: FormatOption = Format.TABLE) -> None:
    """Check the whole environment: machine, settings, names, Kafka, Cassandra, Spark, folders, Airflow.

    Each line is ok, wrong with what to do, or unknown if it cannot be seen from here. Nothing is changed. Exit code 1 unless every line is
    ok.

    Example: weir doctor
    """
    from weir.doctor.checks import examine

    lines = examine()
    if form is Format.TABLE:
        sys.stdout.write(text(lines))
    else:
        show([line.as_row() for line in lines], form)
    if not all(line.ok for line in lines):
        raise typer.Exit(1)


def text(lines: Sequence[Line]) -> str:
    """Return the lines for people: state, check and finding, and below it what to do; then how many need a look."""
    width = max(len(line.check) for line in lines)
    shown = [each for line in lines for each in _shown(line, width)]
    bad = sum(line.ok is False for line in lines)
    unseen = sum(line.ok is None for line in lines)
    total = "all ok" if bad + unseen == 0 else f"{bad} wrong, {unseen} unknown"
    return "\n".join([*shown, "", f"{len(lines)} checks: {total}"]) + "\n"


def _shown(line: Line, width: int) -> list[str]:
    code = f" {line.code}:" if line.code else ""
    first = f"{line.state:<8} {line.check:<{width}} {code} {line.told}" if code else f"{line.state:<8} {line.check:<{width}}  {line.told}"
    return [printable(first), *([printable(f"{'':<{width + 9}}  {line.next_step}")] if line.next_step and not line.ok else [])]
