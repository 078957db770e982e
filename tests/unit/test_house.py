"""House rules that no linter knows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from tests.conftest import PROJECT
from weir import errors
from weir.supervise.judge.report import Verdict

RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()


def codes(kind: type[errors.WeirError] = errors.WeirError) -> Iterator[str]:
    yield kind.code
    for child in kind.__subclasses__():
        yield from codes(child)


def test_the_places_that_the_readme_names_are_there() -> None:
    """A bare file name belongs to the folder of the path before it in the same line."""
    missing = []
    table = (PROJECT / "README.md").read_text().partition("## Where to look")[2].partition("\n## ")[0]
    for line in table.splitlines():
        folder = PROJECT
        for place in re.findall(r"`((?:plugins|spark_jobs|docs|tests|dags|drill|bench|deploy|rules)/[\w./-]*|\w+\.py)`", line):
            path = (PROJECT if "/" in place else folder) / place
            folder = path if path.is_dir() else path.parent
            missing += [] if path.exists() else [place]
    assert missing == []


def test_the_runbook_explains_every_code() -> None:
    assert [code for code in codes() if f"## {code}\n" not in RUNBOOK] == []


def test_the_runbook_explains_every_code_of_a_driver() -> None:
    """Drivers do not import weir.errors: their codes are in their messages."""
    found = {code for file in (PROJECT / "spark_jobs").rglob("*.py") for code in re.findall(r"WEIR-\d{3}\b", file.read_text())}
    assert found
    assert [code for code in sorted(found) if f"## {code}\n" not in RUNBOOK] == []


def test_the_runbook_explains_every_verdict() -> None:
    assert [verdict for verdict in Verdict if f"| {verdict} |" not in RUNBOOK] == []


def test_what_runs_on_the_cluster_needs_nothing_of_the_control_plane() -> None:
    """Drivers run on machines that have neither Airflow nor weir: the jobs' modules must not even import them."""
    modules = sorted(".".join(f.relative_to(PROJECT).with_suffix("").parts) for f in (PROJECT / "spark_jobs").rglob("*.py"))
    script = f"""
import importlib, sys
sys.path[:] = [{str(PROJECT)!r}] + [p for p in sys.path if 'plugins' not in p]
for module in {modules!r}:
    importlib.import_module(module.removesuffix('.__init__'))
print(sorted(m for m in sys.modules if m.partition('.')[0] in ('weir', 'airflow', 'pandas')))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
