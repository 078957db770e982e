"""`weir formats list | test`: which line formats there are, and how the lines of a file would be read."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weir.cli.common import FormatOption, Wide
from weir.output import Format, readable, say, show

if TYPE_CHECKING:
    from weir.counts.fitting import Fit

formats = typer.Typer(name="formats", help="Line formats: list them, or try them on a file.", no_args_is_help=True)
MOST, TRIED = 1_000_000, 500  # lines that are read, and on which each format is tried


@formats.command("list")
def list_formats(form: FormatOption = Format.TABLE) -> None:
    """List the line formats and their options; docs/formats.md describes them. Example: weir formats list"""
    from weir.counts.fitting import LAYOUTS, OPTIONS, as_yaml

    rows = [{"format": name, "options": ", ".join(o for o in options if o != "name")} for name, options in OPTIONS.items()]
    rows += [{"format": f"{layout['name']}: {name}", "options": as_yaml(layout)} for name, layout in LAYOUTS.items()]
    show(rows, form)


@formats.command("test")
def test_formats(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A log; compressed and UTF-16 ones are read, too.")],
    line_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="A format, or a mapping in YAML as in job.yaml; by default the best one.")
    ] = "",
    time_zone: Annotated[str, typer.Option("--time-zone", help="The zone of times that do not say their offset.")] = "UTC",
    lines: Annotated[bool, typer.Option("--lines", help="Print how each line would be read.")] = False,
    wide: Wide = False,
    form: Annotated[Format, typer.Option("--print", help="How to print.", case_sensitive=False)] = Format.TABLE,
) -> None:
    """Show how the lines of a file would be read, and which format fits best. Sends nothing. Exit code 1 if no format fits a line.

    Example: weir formats test /var/log/nginx/error.log --time-zone Europe/Berlin
    """
    from weir.counts.fitting import ranked

    now, found = int(time.time() * 1000), list(islice(_lines(file), MOST))
    tried = ranked(_spread(found), time_zone, now) if not line_format else []
    chosen = _chosen(line_format) if line_format else tried[0].value if tried else None
    if chosen is None:
        say(f"No built-in format fits a line of {file}. Describe yours with `pattern`: see docs/formats.md.")
        raise typer.Exit(1)
    fit = _fit(found, chosen, time_zone, now)
    if lines:
        show(_each(found, chosen, time_zone, now), form, wide=wide)
    else:
        show(_rows(fit), form, wide=wide)
    _tell(file, fit, tried, len(found))
    if not fit.share:
        raise typer.Exit(1)


def _fit(lines: list[bytes], value: Any, zone: str, now: int) -> Fit:
    from weir.counts.fitting import fit
    from weir.errors import BadInput

    try:
        return fit(lines, value, zone, now)
    except (ValueError, KeyError) as error:  # the latter of a zone that is not there
        raise BadInput(f"format: {error}.", "See: weir formats list, and docs/formats.md") from error


def _chosen(text: str) -> Any:
    import yaml

    from weir.errors import BadInput

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"format: {text!r} is neither a name nor YAML: {error}.", "See: weir formats list") from error


def _spread(lines: list[bytes]) -> list[bytes]:
    """Return some lines from the whole file: its head may be a banner."""
    return lines[:: max(1, len(lines) // TRIED)]


def _lines(file: Path) -> Iterator[bytes]:
    """Yield the lines as `weir ingest` would send them. Raises UnreadableInput."""
    from weir.errors import UnreadableInput
    from weir.ingest.reading import Text

    try:
        text = Text(os.open(file, os.O_RDONLY), str(file))
    except OSError as error:
        raise UnreadableInput(f"{readable(os.fsencode(file))} cannot be read: {error.strerror}.", "Name a file.") from error
    try:
        text.check()
        yield from (line for block in chain(text.blocks(), text.rest()) for line in block.lines if line is not None)
    finally:
        text.close()


def _rows(fit: Fit) -> list[dict[str, Any]]:
    """Return a row for each level of counted lines, and for each reason with its first line."""
    levels = [{"outcome": "counted", "level": level, "lines": n, "first": ""} for level, n in fit.levels.most_common()]
    reasons = [
        {"outcome": reason, "level": "", "lines": fit.outcomes[reason], "first": readable(samples[0])}
        for reason, samples in fit.samples.items()
    ]
    return [*levels, *reasons]


def _each(lines: list[bytes], value: Any, zone: str, now: int) -> list[dict[str, Any]]:
    from weir.counts.fitting import each
    from weir.times import iso

    rows = []
    for number, (line, taken) in enumerate(zip(lines, each(lines, value, zone, now), strict=True), 1):
        outcome = {"outcome": taken, "time": "", "level": ""}
        if not isinstance(taken, str):
            outcome = {"outcome": "counted", "time": iso(taken.moment or 0), "level": taken.level or ""}
        rows.append({"line": number, **outcome, "text": readable(line)})
    return rows


def _tell(file: Path, fit: Fit, tried: list[Fit], lines: int) -> None:
    from weir.counts.fitting import as_yaml

    others = ", ".join(f"{one.name} {one.share:.1%}" for one in tried[1:4])
    say(f"{fit.share:.1%} of {lines} lines of {file} fit." + (f" Other formats: {others}." if others else ""))
    say(f"In job.yaml:\n  options:\n    line_format: {as_yaml(fit.value)}")
