"""What the wheel is built from, and what of it must be inside."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = ("plugins", "spark_jobs", "dags", "rules", "samples", "pyproject.toml", "README.md", "LICENSE")
# Folder of the checkout: its place in site-packages.
PLACES = {"plugins/weir": "weir", "spark_jobs": "spark_jobs", "dags": "weir/dags", "rules": "weir/rules", "samples": "weir/samples"}
# Fakes of the tests, the linter's rules, and what only `make` runs.
LEFT_OUT = ("weir/testing/*", "*/ruff.toml", "*/find_python.sh", "*.md", "*.pyc", "*/.*")  # the last: what tools have left there


def copy_sources(project: Path, target: Path) -> None:
    """Copy what a build needs, without what tools have left there. Links stay links, as in a clone."""
    target.mkdir()
    for name in SOURCES:
        if (project / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(project / name, target / name, symlinks=True, ignore=ignored)
        else:
            shutil.copyfile(project / name, target / name)


def wanted(project: Path) -> set[str]:
    """The files of the product by their place in site-packages."""
    places = {
        f"{place}/{file.relative_to(project / folder)}"
        for folder, place in PLACES.items()
        for file in (project / folder).rglob("*")
        if file.is_file()
    }
    return {place for place in places if not any(fnmatch(place, pattern) for pattern in LEFT_OUT)}
