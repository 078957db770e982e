"""`release.py check [TAG]`: one version everywhere. `release.py notes`: the release notes, which are the CHANGELOG's first section.

Standard library only: a release is checked before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
# Files that name a version of Weir, and how they write it.
NAMED = {
    ".env": re.compile(r"^WEIR_VERSION=(\S+)$", re.MULTILINE),
    "deploy/kubernetes/**/*.yaml": re.compile(r"\bimage: [\"']?(?:\S+/)?weir:(\d[\w.-]*)|^appVersion: [\"']?(\d[\w.-]*)", re.MULTILINE),
}


def version(project: Path) -> str:
    return str(tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"])


def first_section(project: Path) -> tuple[str, str]:
    """Return the title and the text of the CHANGELOG's first section."""
    _, title, text, *_ = SECTION.split((project / "CHANGELOG.md").read_text())
    return title, text.strip() + "\n"


def problems(project: Path, tag: str = "") -> Iterator[str]:
    """Yield a sentence for each place that names another version than pyproject.toml does."""
    wanted = version(project)
    if tag and tag != f"v{wanted}":
        yield f"The tag is {tag}, and the version in pyproject.toml is {wanted}. Tag v{wanted}, or change the version."
    title, text = first_section(project)
    if title.split()[0] != wanted:
        yield f"The first section of CHANGELOG.md is `{title}`. Give it the title `## {wanted}`."
    if not text.strip():
        yield f"The section `{title}` of CHANGELOG.md is empty. Say what has changed for users."
    for pattern, written in NAMED.items():
        for file in sorted(project.glob(pattern)):
            for named in {
                name for found in written.findall(file.read_text()) for name in ([found] if isinstance(found, str) else found) if name
            }:
                if named != wanted:
                    yield f"{file.relative_to(project)} names {named}, and the version is {wanted}. Change it."


def main(*arguments: str) -> str | int:
    match arguments:
        case ("notes",):
            sys.stdout.write(first_section(PROJECT)[1])
            return 0
        case ("check", *tag) if len(tag) < 2:
            return "\n".join(problems(PROJECT, *tag)) or 0
    return __doc__ or 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
