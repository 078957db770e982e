"""`weir new`: what it writes can be tested and planned as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.unit.cli.conftest import Weir, weir
from weir.errors import BadInput
from weir.jobs.bundle import made_of
from weir.jobs.folders import sound
from weir.jobs.kinds import KINDS
from weir.jobs.new import create
from weir.supervise.preflight import application, rehearsal

__all__ = ["weir"]  # the fixture


@pytest.mark.parametrize("kind", KINDS)
def test_its_test_passes_and_its_application_can_be_imported(tmp_path: Path, kind: str) -> None:
    create("web_errors", kind, tmp_path)
    env = {**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}", "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "web_errors"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    made = made_of(sound(tmp_path)["web_errors"], tmp_path)
    assert made.spec.kind is KINDS[kind]
    found = application(made, rehearsal(sys.executable))
    assert found.ok, found.text


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_is_short_and_names_the_job(tmp_path: Path, kind: str) -> None:
    files = {file.name: file.read_text() for file in create("web_errors", kind, tmp_path)}
    code = "pipeline" if kind == "landed" else "job"
    assert {"job.yaml", f"{code}.py", f"test_{code}.py", "README.md"} <= set(files)
    assert 10 <= len(files["README.md"].splitlines()) <= 16 and "WEIR_JOBS" in files["README.md"]
    assert not [name for name, text in files.items() if "{{" in text]


@pytest.mark.parametrize(
    ("job", "kind", "told"),
    [
        ("Web", "plain", "job: 'Web' is not a valid name"),
        ("../web", "plain", "is not a valid name"),
        ("json", "plain", "job: json would hide a module that drivers import"),
        ("weir", "counts", "would hide a module"),
        ("class", "plain", "is a Python keyword"),
        ("web", "stateful", "kind: 'stateful' is not a kind of job"),
        ("error_counts", "plain", "job: error_counts exists already"),
        ("there", "plain", "exists. Nothing was written"),
    ],
)
def test_a_name_that_does_not_fit_writes_nothing(tmp_path: Path, job: str, kind: str, told: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match=told):
        create(job, kind, tmp_path, ["error_counts"])
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_the_command_says_what_it_wrote(weir: Weir, tmp_path: Path) -> None:
    code, out, err = weir("new", "words", "--kind", "plain", "--into", str(tmp_path / "mine"))
    assert code == 0 and f"{tmp_path}/mine/words/job.yaml" in out.splitlines() and "README.md" in err
    code, _, err = weir("new", "words", "--kind", "plain", "--into", str(tmp_path / "mine"))
    assert code == 2 and "WEIR-101" in err and "exists" in err
