import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from weir.local import release
from weir.local.part import KEPT
from weir.local.process import Child
from weir.settings import PROJECT

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Child]]:
    children: list[Child] = []
    yield children
    for child in children:
        child.kill_group()


def start(tmp_path: Path, started: list[Child], *arguments: str, **env: str) -> Child:
    child = Child.start((*SLEEP, *arguments), tmp_path / "log", env, tmp_path)
    started.append(child)
    while not psutil.Process(child.pid).cmdline():  # for a moment after exec the kernel knows none
        time.sleep(0.01)
    return child


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what is loaded, and of a DAG and a job, which are not."""
    for folder in ("plugins/weir", "spark_jobs", "dags"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / folder, tmp_path / folder, symlinks=True, ignore=ignored)
    return tmp_path


def digest_of(project: Path) -> str:
    return release.digest(tuple(project / folder.relative_to(PROJECT) for folder in release.LOADED))


def test_a_supervisor_of_this_code_is_current(tmp_path: Path, started: list[Child]) -> None:
    assert release.is_current(start(tmp_path, started, release.digest()))


def test_a_supervisor_that_names_other_code_or_none_is_not_current(tmp_path: Path, started: list[Child]) -> None:
    assert not release.is_current(start(tmp_path, started, "0" * 12))
    assert not release.is_current(start(tmp_path, started))


def test_a_supervisor_that_has_ended_is_not_current(tmp_path: Path, started: list[Child]) -> None:
    ended = start(tmp_path, started, release.digest())
    ended.kill_group()
    assert not release.is_current(ended)


def test_settings_of_the_supervisor_that_differ_are_named(tmp_path: Path, started: list[Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_JOBS", "/jobs")
    monkeypatch.setenv("WEIR_CACHE", "/cache")
    for name in set(KEPT) - {"WEIR_JOBS", "WEIR_CACHE"}:
        monkeypatch.delenv(name, raising=False)
    running = start(tmp_path, started, WEIR_CACHE="/cache")
    assert release.other_settings(start(tmp_path, started, WEIR_JOBS="/jobs")) == {"WEIR_CACHE": ""}
    assert release.other_settings(running) == {"WEIR_JOBS": ""}
    assert release.other_settings(start(tmp_path, started, WEIR_CACHE="/cache", WEIR_JOBS="/jobs")) == {}
    running.kill_group()
    assert release.other_settings(running) == {}


def test_the_digest_follows_the_code_that_is_kept_in_memory(project: Path) -> None:
    before = digest_of(project)
    assert before == digest_of(project) == release.digest()
    (project / "plugins/weir/supervise/manager.py").write_text("# another manager\n")
    assert digest_of(project) != before


@pytest.mark.parametrize("file", ["dags/deploy.py", "spark_jobs/error_counts/job.py"])
def test_dags_and_jobs_restart_no_server(project: Path, file: str) -> None:
    before = digest_of(project)
    (project / file).write_text("# changed\n")
    assert digest_of(project) == before
