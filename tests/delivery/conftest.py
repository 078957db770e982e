"""The wheel, built once from a copy of the checkout's own files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.built import PROJECT, copy_sources


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a `build` folder of an earlier run would put files into the wheel that the checkout no longer has."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_sources(PROJECT, folder / "sources")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    done = subprocess.run([*pip, str(folder / "sources")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built
