"""What an Airflow of one's own is told to install agrees with what Weir is tested on."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from weir.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
EXTRAS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
EXTRA = EXTRAS["airflow"]
# Of the sinks of landed jobs, and of collectors.
CLIENTS = [line for name, lines in EXTRAS.items() if name.startswith(("sink-", "collect-")) for line in lines]


@pytest.mark.parametrize("line", [*EXTRA, *sorted(set(CLIENTS) - set(EXTRA))])
def test_an_extra_allows_the_tested_version(line: str) -> None:
    wanted = Requirement(line)
    assert wanted.specifier.contains(version(wanted.name))
    assert re.search(rf"^{re.escape(wanted.name)}\b", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)


def brought(lines: list[str]) -> set[str]:
    """The distributions that these requirements bring, with all that those need."""
    found: set[str] = set()
    wanted = [Requirement(line) for line in lines]
    while wanted:
        each = wanted.pop()
        if canonicalize_name(each.name) in found:
            continue
        found.add(canonicalize_name(each.name))
        try:
            needs = [Requirement(line) for line in requires(each.name) or ()]
        except PackageNotFoundError:  # for another system or Python
            continue
        wanted += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def imported() -> set[str]:
    """The top-level modules that the code of an Airflow of one's own imports: all but the embedded stack and the tests' parts."""
    files = [file for root in ("plugins/weir", "spark_jobs", "dags") for file in (PROJECT / root).rglob("*.py")]
    nodes = [node for file in files if not {"local", "testing"} & set(file.parts) for node in ast.walk(ast.parse(file.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"weir", "spark_jobs", "dags", "_typeshed"}


def test_the_extra_for_airflow_brings_all_that_is_imported() -> None:
    """Beside the clients of sinks and collectors, which are imported only where a job has such a sink, or by such a collector."""
    here, there = brought([*EXTRA, *CLIENTS]), packages_distributions()
    missing = {module for module in imported() if not {canonicalize_name(name) for name in there.get(module, ())} & here}
    assert missing == set()


def test_both_packages_of_pyspark_are_of_one_version() -> None:
    """The Spark provider brings pyspark-client alone, which cannot run Spark: `--reparse` said CONNECT_URL_NOT_SET."""
    pinned = {Requirement(line).name: str(Requirement(line).specifier) for line in EXTRA}
    assert pinned["pyspark"] == pinned["pyspark-client"] == f"=={version('pyspark')}"


def test_the_extra_for_airflow_resolves_to_what_is_tested() -> None:
    """As pip does for a user who has no lock. Needs the package index."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not installed beside this Python")
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--extra", "airflow", "--python", sys.executable]
    done = subprocess.run([*command, PROJECT / "pyproject.toml"], capture_output=True, text=True, timeout=300, check=False)
    if any(word in done.stderr for word in ("Failed to fetch", "error sending request", "dns error")):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" ")[0].split("==", 1) for line in done.stdout.splitlines() if "==" in line)
    for name in ("apache-airflow", "pyspark", "pyspark-client", "sqlalchemy", "pandas", "great-expectations"):
        assert found[name].split(".")[:2] == version(name).split(".")[:2], name


@pytest.mark.parametrize("command", [["-m", "weir"], ["-m", "weir.cli"]])
def test_the_command_line_starts_without_its_script(command: list[str], tmp_path: Path) -> None:
    """From a folder that is gone, without PATH, HOME and locale, with a closed standard input and a TMPDIR that is not there."""
    gone = tmp_path / "gone"
    gone.mkdir()
    env = {"PYTHONPATH": os.pathsep.join(map(str, (PROJECT / "plugins", PROJECT))), "LC_ALL": "C", "TMPDIR": "/nowhere"}
    script = (
        f"import os, sys; os.rmdir({str(gone)!r}); os.execve(sys.executable, [sys.executable, *{command}, 'versions', '--help'], {env})"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.close(0); {script}"], cwd=gone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "versions" in done.stdout and "WEIR-000" not in done.stderr, done.stderr


def test_only_a_default_says_nothing_about_where_spark_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_HOME", str(tmp_path))
    monkeypatch.delenv("WEIR_SPARK_REST", raising=False)
    assert not Settings.load().names_spark, "the command line asks Airflow's connection then"
    monkeypatch.setenv("WEIR_SPARK_REST", "http://spark:6066")
    assert Settings.load().names_spark
    monkeypatch.delenv("WEIR_SPARK_REST")
    (tmp_path / "stack.json").write_text("{}")
    assert Settings.load().names_spark
