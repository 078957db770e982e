"""Create a new job: a folder with spec, code, a test and a README, from the templates of its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from weir.errors import BadInput
from weir.jobs.kinds import KINDS
from weir.jobs.names import NAME, problem

SUFFIX, PLACE = ".tmpl", "{{job}}"


def create(job: str, kind: str, into: Path, there: Sequence[str] = ()) -> list[Path]:
    """Write the folder of a job, and return its files. `there` are the existing jobs.

    Raises BadInput if the name is not valid or taken, if there is no such kind, or if the folder exists.
    """
    if kind not in KINDS:
        raise BadInput(f"kind: {kind!r} is not a kind of job.", f"Kinds: {', '.join(KINDS)}.")
    free(job, into, there)
    folder = into / job
    folder.mkdir(parents=True)
    written = []
    for template in sorted(files("weir.jobs").joinpath("templates", kind).iterdir(), key=lambda entry: entry.name):
        if template.name.endswith(SUFFIX):
            file = folder / template.name.removesuffix(SUFFIX)
            file.write_text(template.read_text().replace(PLACE, job))
            written.append(file)
    return written


def free(job: str, into: Path, there: Sequence[str]) -> None:
    """Raise BadInput if the name is not valid or taken, or if its folder exists."""
    if not re.fullmatch(NAME, job):
        raise BadInput(f"job: {job!r} is not a valid name.", "Use lower-case letters, digits and _, such as web_errors.")
    if why := problem(job):
        raise BadInput(f"job: {job} {why}.", "Choose another name.")
    if job in there:
        raise BadInput(f"job: {job} exists already.", "Choose another name.")
    if (into / job).exists():
        raise BadInput(f"{into / job} exists. Nothing was written.", "Choose another name, or another folder with --into.")
