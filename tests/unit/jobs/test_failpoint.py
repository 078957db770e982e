"""Fail-points: inert by default, armed for one failure, and each of them reached by real code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs import failpoint
from tests.conftest import PROJECT


def test_without_the_variable_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(failpoint.FOLDER, raising=False)
    failpoint.arm(tmp_path, "claim", "raise")
    failpoint.reach("claim")
    assert failpoint.hit(tmp_path, "claim") == 0


def test_an_armed_point_fails_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(failpoint.FOLDER, str(tmp_path))
    failpoint.arm(tmp_path, "claim", "raise")
    failpoint.reach("land")
    with pytest.raises(failpoint.Failed):
        failpoint.reach("claim")
    failpoint.reach("claim")
    assert failpoint.hit(tmp_path, "claim") > 0


def test_kill_is_by_signal(tmp_path: Path) -> None:
    failpoint.arm(tmp_path, "claim", "kill")
    script = "from spark_jobs.failpoint import reach; reach('claim'); print('went on')"
    done = subprocess.run(
        [sys.executable, "-c", script], env={failpoint.FOLDER: str(tmp_path)}, cwd=PROJECT, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (-9, b"")


def test_a_misspelt_point_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such fail-point"):
        failpoint.arm(tmp_path, "clam", "kill")


def test_every_point_is_somewhere_in_the_code() -> None:
    code = "".join(f.read_text() for root in ("spark_jobs", "plugins/weir") for f in (PROJECT / root).rglob("*.py"))
    assert set(re.findall(r'failpoint\.reach\("([a-z.]+)"\)', code)) == set(failpoint.POINTS)
