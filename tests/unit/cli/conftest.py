"""The command line as a function."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from weir.cli import app as cli

Weir = Callable[..., tuple[int, str, str]]


@pytest.fixture
def weir(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Weir:
    """Run a command; its exit code, standard output and standard error."""

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["weir", *args])
        code = cli._run()
        return code, *capsys.readouterr()

    return run
