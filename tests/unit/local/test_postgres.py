"""PostgreSQL of a stack that root starts, in a folder that only root may enter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from weir.local.postgres import as_ordinary_user

# As initdb checks its programs: access(2) asks for the real user.
MAY_RUN = "import os, sys; sys.exit(os.geteuid() == 0 or not os.access(sys.argv[1], os.X_OK))"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_its_user_passes_closed_folders(tmp_path: Path) -> None:
    """A clone below /root: `weir up` ended with `invalid binary: Permission denied`."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "postgres"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert subprocess.run([*as_ordinary_user(), sys.executable, "-c", MAY_RUN, str(program)]).returncode == 0
