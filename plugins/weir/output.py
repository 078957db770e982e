"""Print data: as a table for people, as JSON or CSV for programs. Foreign text cannot control the terminal."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from weir.errors import OutputLost

FORMULA = ("=", "+", "-", "@")
WIDE = 10_000  # width of a table that is not fitted to the terminal


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def show(
    rows: Sequence[Mapping[str, Any]], form: Format, columns: Sequence[str] | None = None, empty: str = "", wide: bool = False
) -> None:
    """Print rows. `columns` chooses and orders a table's columns; `empty` is printed on standard error if a table has no rows. `wide`: a
    table is not fitted to the terminal."""
    if form is Format.JSON:
        return show_json(rows)
    if not rows:
        say(empty)
    if form is Format.CSV and (rows or columns):  # programs need the column names, even without rows
        names = list(columns or rows[0])
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([harmless(row.get(name)) for name in names] for row in rows)
    elif form is Format.TABLE and rows:
        show_table(rows, list(columns or rows[0]), wide)


def show_json(value: Any) -> None:
    """Print JSON, indented by two spaces, with all other characters than ASCII escaped."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def show_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], wide: bool = False) -> None:
    """Print a table that fits the terminal: long cells are folded and, unless `wide`, cut. Elsewhere print a row a line, without padding:
    columns are separated by tabs, which no cell contains."""
    if sys.stdout.isatty():
        return _fitted(rows, columns, wide)
    lines = [[name.replace("_", " ") for name in columns], *([cell(row.get(name)) for name in columns] for row in rows)]
    sys.stdout.writelines("\t".join(line) + "\n" for line in lines)


def _fitted(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], wide: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = WIDE if wide else shutil.get_terminal_size().columns
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold", justify=_side(rows, name))
    cut = 0
    for row in rows:
        texts = [cell(row.get(name)) for name in columns]
        cut += sum(len(text) > width for text in texts)
        table.add_row(*(Text(text if len(text) <= width else text[: width - 1] + "…") for text in texts))
    Console(width=width, soft_wrap=wide).print(table)
    if cut:
        say(f"Long cells that were cut: {cut}. Whole: --wide or --format json")


def say(text: str) -> None:
    """Print a message on standard error, so that it does not mix with data."""
    if text:
        sys.stderr.write(text + "\n")


def result(text: str) -> None:
    """Print what was done on standard output. If that is lost, say it on standard error. Raises OutputLost then."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OutputLost:
        say(text)
        raise


def cell(value: Any) -> str:
    """Return a value as text for tables and CSV."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value)
    return printable(str(value))


def harmless(value: Any) -> str:
    """Return a CSV cell: text that a spreadsheet would take for a formula gets a quote in front. Tabs are escaped; numbers stay numbers."""
    text = cell(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip().startswith(FORMULA) else text


def printable(text: str) -> str:
    """Escape everything that a terminal would interpret: control codes, and marks that change the reading direction."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def readable(value: bytes) -> str:
    r"""Bytes as text that can be turned back: what is not UTF-8, or not printable, as \xNN and the like; a backslash is doubled."""
    return printable(value.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace"))


def _side(rows: Sequence[Mapping[str, Any]], column: str) -> Any:
    """Return the side to which a column is aligned: numbers to the right."""
    values = [value for row in rows if (value := row.get(column)) is not None]
    return "right" if values and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values) else "left"
