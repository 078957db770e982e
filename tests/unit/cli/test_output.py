"""What others wrote cannot steer the terminal; programs get clean data."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.output import Format, printable, readable, show

ROWS = [
    {"window_start": "2026-01-31T12:00:00Z", "signature": "a\x1b[31m, \u202eb", "n": 12},
    {"window_start": "x", "signature": "", "n": 3},
]


@given(st.text())
def test_nothing_unprintable_is_printed(text: str) -> None:
    assert printable(text).isprintable()


@given(st.binary())
def test_bytes_are_shown_so_that_they_can_be_told_apart(value: bytes) -> None:
    shown = readable(value)
    assert shown.isprintable()
    assert shown.count("\\\\") >= value.count(b"\\")


def test_bytes_that_are_no_text() -> None:
    assert readable(b"caf\xe9 \x1b[2J \\x \xc3\xa9\x00\r") == "caf\\xe9 \\x1b[2J \\\\x \u00e9\\x00\\r"


def test_json_is_ascii_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, Format.JSON)
    out = capsys.readouterr().out
    assert out.isascii() and "\x1b" not in out
    assert json.loads(out) == ROWS


def test_a_csv_of_no_rows_still_names_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show([], Format.CSV, ("service", "n"), empty="Nothing.")
    assert capsys.readouterr() == ("service,n\n", "Nothing.\n")


def test_csv_has_a_header_and_no_control_codes(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, Format.CSV)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [r["n"] for r in rows] == ["12", "3"]
    assert rows[0]["signature"] == "a\\x1b[31m, \\u202eb"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula_in_csv(capsys: pytest.CaptureFixture[str], text: str) -> None:
    show([{"value": text, "n": -1, "share": None}], Format.CSV)
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["value"][0] in ("'", "\\") and row["value"].removeprefix("'") == printable(text)
    assert (row["n"], row["share"]) == ("-1", "")


def test_a_table_is_not_cut_where_it_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"service": "web", "signature": "word " * 100}], Format.TABLE)
    out = capsys.readouterr().out
    assert out.count("word") == 100 and len(out.splitlines()) == 2


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show([], Format.TABLE, empty="nothing here")
    show([], Format.JSON)
    assert capsys.readouterr() == ("[]\n", "nothing here\n")


def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal, rows = io.StringIO(), [{"n": 5, "value": "x" * 4096}, {"n": 1234, "value": "short"}]
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    show(rows, Format.TABLE)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    assert max(map(len, lines)) <= 60 and len(lines) <= 6
    numbers = [line for line in lines if line.strip()[:1].isdigit()]
    assert [line[:4] for line in numbers] == ["   5", "1234"], "numbers are aligned to the right"
    assert "--wide" in capsys.readouterr().err

    show(rows, Format.TABLE, wide=True)
    assert "x" * 4096 in terminal.getvalue() and capsys.readouterr().err == ""
