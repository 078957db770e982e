"""A table of what was seen, printed after the tests: one row a fault, with its verdict and seconds. A conftest imports both names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

ROWS: list[tuple[str, str, float]] = []
Row = Callable[[str], AbstractContextManager[Callable[[object], None]]]


@pytest.fixture
def row() -> Row:
    """`with row("fault") as said: said("verdict")` adds a row to the table."""

    @contextmanager
    def timed(fault: str) -> Iterator[Callable[[object], None]]:
        began, found = time.monotonic(), ["not as it should be"]
        try:
            yield lambda verdict: found.__setitem__(0, str(verdict))
        finally:
            ROWS.append((fault, found[0], time.monotonic() - began))

    return timed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.section("fault, seconds, verdict")
    for fault, verdict, seconds in ROWS:
        terminalreporter.write_line(f"{fault:<45} {seconds:6.1f}  {verdict}")
    ROWS.clear()  # each conftest brings this hook
