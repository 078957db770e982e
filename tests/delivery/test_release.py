"""What is compared before a release, and its notes."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.delivery.built import PROJECT


@pytest.fixture(scope="module")
def release() -> ModuleType:
    """It is a script, and no part of a package."""
    spec = importlib.util.spec_from_file_location("release", PROJECT / "deploy/release/release.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that is ready for its release 1.2.3."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3\n\nFaster.\n\n## 1.2.2\n\nOlder.\n")
    (tmp_path / ".env").write_text("WEIR_VERSION=1.2.3\nKAFKA_VERSION=4.1.1\n")
    return tmp_path


def test_a_release_that_is_of_one_version(release: ModuleType, project: Path) -> None:
    assert list(release.problems(project, "v1.2.3")) == []
    assert release.first_section(project) == ("1.2.3", "Faster.\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("pyproject.toml", "1.2.3", "1.2.4", "The tag is v1.2.3, and the version in pyproject.toml is 1.2.4."),
        ("CHANGELOG.md", "## 1.2.3", "## Unreleased", "The first section of CHANGELOG.md is `Unreleased`."),
        ("CHANGELOG.md", "Faster.", "", "The section `1.2.3` of CHANGELOG.md is empty."),
        (".env", "WEIR_VERSION=1.2.3", "WEIR_VERSION=1.2.2", ".env names 1.2.2, and the version is 1.2.3."),
    ],
)
def test_each_place_that_names_another_version(release: ModuleType, project: Path, file: str, old: str, new: str, told: str) -> None:
    changed = project / file
    changed.write_text(changed.read_text().replace(old, new))
    assert told in "\n".join(release.problems(project, "v1.2.3"))


def test_the_versions_of_this_checkout_agree(release: ModuleType, tmp_path: Path) -> None:
    """All but the CHANGELOG's title, which is written at the release."""
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy")
    for file in ("pyproject.toml", ".env"):
        shutil.copy(PROJECT / file, tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {release.version(PROJECT)}\n\nFaster.\n")
    assert list(release.problems(tmp_path)) == []
    assert "The first whole Weir" in (PROJECT / "CHANGELOG.md").read_text()
