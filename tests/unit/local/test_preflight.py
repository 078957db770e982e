import os
import shutil
import subprocess
from pathlib import Path

import pytest

from weir.local import preflight

FIND = Path(preflight.__file__).with_name("find_python.sh")
SYSTEMS = ("Debian/Ubuntu", "macOS", "Fedora")


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def java(folder: Path, version: str) -> None:
    program(folder / "bin", "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


@pytest.mark.parametrize(("told", "found"), [("17.0.15", 17), ("21", 21), ("1.8.0_402", 8)])
def test_the_version_is_read_as_java_tells_it(tmp_path: Path, told: str, found: int) -> None:
    java(tmp_path, told)
    assert preflight.java_version(str(tmp_path / "bin" / "java")) == found


def test_java_17_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(tmp_path, "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert preflight.java_problem() == ""


def test_another_java_is_named_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    problem = preflight.java_problem()
    assert "Java 17" in problem and "is Java 11" in problem
    assert all(system in problem for system in SYSTEMS)


def test_no_java_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no java on the PATH" in preflight.java_problem()


def test_a_java_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "no working Java" in preflight.java_problem()


def find_python(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/sh", str(FIND)], env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path, "python3.13", "exit 127")
    program(tmp_path, "python3.12", 'test "$2" = "import sys; print(sys.executable)" && echo /the/one; exit 0')
    found = find_python(tmp_path)
    assert (found.returncode, found.stdout) == (0, "/the/one\n")


def test_no_python_that_fits(tmp_path: Path) -> None:
    program(tmp_path, "python3", 'test "$1" = --version && echo Python 3.9.2')
    (tmp_path / "cat").symlink_to(shutil.which("cat") or "/bin/cat")
    found = find_python(tmp_path)
    assert found.returncode == 1
    assert "python3 here is Python 3.9.2." in found.stderr and "3.11, 3.12 or 3.13" in found.stderr
    assert all(system in found.stderr for system in SYSTEMS)


def test_a_chosen_python_goes_first(tmp_path: Path) -> None:
    chosen = program(tmp_path / "mine", "python", 'test "$2" = "import sys; print(sys.executable)" && echo /mine; exit 0')
    environment = {"PATH": os.defpath, "PYTHON": str(chosen)}
    told = subprocess.run(["/bin/sh", str(FIND)], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "/mine\n"
