"""GitHub's workflows and the Jenkinsfile: valid as far as can be seen without their servers, and both run the same make targets."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT
from weir.local import jars
from weir.local.preflight import java_path

GITHUB = PROJECT / ".github"
WORKFLOWS = {file.stem: yaml.safe_load(file.read_text()) for file in sorted((GITHUB / "workflows").glob("*.yml"))}
ACTIONS = sorted(GITHUB.glob("actions/*/action.yml"))
GROOVY = jars.Jar("org.apache.groovy:groovy:5.0.8", "942993eee2a6a8f5fcbc1bc76c1ab18d179d598c9b29c8fc96a0138b162e0fa8")
TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
MAKE = re.compile(r"make ([a-z-]+)")
MATRIX = "make ${{ matrix.target }}"


def jobs() -> Iterator[dict[str, Any]]:
    for workflow in WORKFLOWS.values():
        yield from workflow["jobs"].values()


def steps() -> Iterator[dict[str, Any]]:
    for job in jobs():
        yield from job["steps"]
    for action in ACTIONS:
        yield from yaml.safe_load(action.read_text())["runs"]["steps"]


def of_github() -> set[str]:
    """The make targets that the workflows run."""
    named = {target for step in steps() for target in MAKE.findall(step.get("run", ""))}
    return named | {target for job in jobs() if "strategy" in job for target in job["strategy"]["matrix"]["target"]}


@pytest.fixture(scope="module")
def jenkins() -> list[str]:
    """The Jenkinsfile's directives, one a line."""
    command = [java_path(), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", jars.fetched(GROOVY), "groovy.ui.GroovyMain"]
    script = Path(__file__).with_name("Declarative.groovy")
    done = subprocess.run([*map(str, command), script, PROJECT / "Jenkinsfile"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(("schema", "files"), [("workflows", "workflows/*.yml"), ("actions", "actions/*/action.yml")])
def test_the_workflows_follow_githubs_schema(schema: str, files: str) -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is not installed: make dev")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}", *GITHUB.glob(files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_jenkinsfile_is_groovy_and_has_the_blocks_of_a_declarative_pipeline(jenkins: list[str]) -> None:
    assert jenkins[0] == "pipeline" and {"  agent", "  options", "  stages"} <= set(jenkins)
    assert [line for line in jenkins[1:] if not line.startswith(" ")] == [], "everything is inside of `pipeline`"


def test_both_run_the_same_targets_and_each_exists(jenkins: list[str]) -> None:
    of_jenkins = {target for line in jenkins for target in MAKE.findall(line)}
    assert of_jenkins == of_github()
    assert of_github() <= TARGETS


def test_no_test_target_is_forgotten() -> None:
    assert {name for name in TARGETS if name.startswith("test")} <= of_github()


def test_actions_are_pinned_and_may_write_only_to_make_a_release() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert [name for name in used if not re.fullmatch(r"\./\.github/actions/\w+|[\w/-]+@v\d+\.\d+\.\d+", name)] == []
    assert all(step["with"]["persist-credentials"] is False for step in steps() if "checkout" in step.get("uses", ""))
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    assert {
        name: job["permissions"] for workflow in WORKFLOWS.values() for name, job in workflow["jobs"].items() if "permissions" in job
    } == {"release": {"contents": "write"}}


def test_no_expression_of_a_stranger_gets_into_a_shell() -> None:
    """A branch or tag may have any name; in a script it must be a variable."""
    runs = [step["run"].replace(MATRIX, "") for step in steps() if "run" in step]
    assert [run for run in runs if "${{" in run] == []
