"""A guard: what counting costs, beside a plain consumer in Java that only reads the same lines in the same run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
RATIO = 3.2  # CPU of a drain of 2 million lines, start included: docs/figures.md has what it was
MAY_GROW = 4 / 3  # by a third: on a shared machine the ratio differs by a tenth from run to run


@pytest.mark.stack
def test_counting_costs_no_more_than_it_did(tmp_path: Path) -> None:
    told = tmp_path / "drain.json"
    asked = ["--lines=2000000", "--rounds=2", "--programs=reader,native", f"--home={tmp_path / 'home'}", f"--json={told}"]
    done = subprocess.run([sys.executable, str(BENCH / "drain.py"), *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ratios = json.loads(told.read_text())["ratios"]["native, CPU / reader, CPU"]
    assert min(ratios) <= RATIO * MAY_GROW, f"{ratios}: see `make bench` and docs/engines.md"
