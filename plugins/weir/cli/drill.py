"""`weir drill`: the old name of `python -m drill`, which is in the repository now."""

from __future__ import annotations

import os
import sys

import typer

from weir.errors import BadInput
from weir.settings import PROJECT


def drill(context: typer.Context) -> None:
    """Run `python -m drill` of Weir's repository, with the same options. The next release removes this name."""
    if not (PROJECT / "drill" / "__main__.py").is_file():
        raise BadInput("The drill is not part of the installed package.", "Clone Weir's repository and run there: make drill")
    os.chdir(PROJECT)
    os.execv(sys.executable, [sys.executable, "-m", "drill", *context.args])  # noqa: S606 - this very Python
