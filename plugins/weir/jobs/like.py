"""Make a job like another one: a second count of the same topics, from another beginning."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from weir.errors import BadInput, BadSpec
from weir.jobs.new import free
from weir.jobs.source import EARLIEST
from weir.jobs.spec import JobSpec, parse
from weir.times import ago, iso

LEFT = ("__pycache__", "*.pyc", "test_*", "README.md", "tests")  # they speak of the original
OFFSETS = r"(?:[^\s,:]+:\d+)(?:,[^\s,:]+:\d+)*"
Start = str | dict[str, int]


def start(text: str, now: int) -> Start:
    """Parse where a job begins: `earliest`, a time, an age such as `2h`, or offsets such as `0:1200,1:900`. Raises BadInput."""
    if text == EARLIEST:
        return EARLIEST
    if re.fullmatch(OFFSETS, text) and "T" not in text:
        return {partition: int(offset) for partition, _, offset in (one.rpartition(":") for one in text.split(","))}
    try:
        return iso(ago(text, now))
    except BadInput as error:
        raise BadInput(
            f"--from: {text!r} is neither earliest, a time, an age nor offsets.", "Write 2026-01-31T12:00Z, 2h, or 0:1200,1:900."
        ) from error


def copy(job: str, original: Path, into: Path, there: Sequence[str], begin: Start) -> list[Path]:
    """Write the folder of a job like that in `original`, and return its files. `there` are the existing jobs.

    Raises BadInput if the name is not valid or taken, or if the folder exists.
    """
    free(job, into, there)
    text = (original / "job.yaml").read_text()
    spec, folder = parse(text, "job.yaml"), into / job
    if spec.application.startswith("spark_jobs/"):  # its code is Weir's own, and stays there
        folder.mkdir(parents=True)
    else:
        shutil.copytree(original, folder, ignore=shutil.ignore_patterns(*LEFT))
    (folder / "job.yaml").write_text(rewritten(text, job, begin))
    return sorted(file for file in folder.rglob("*") if file.is_file())


def rewritten(text: str, job: str, begin: Start) -> str:
    """Return a spec with another name and beginning. Its comments stay, if it is written as the templates are."""
    line = "" if begin == EARLIEST else f"\n  start: {yaml.safe_dump(begin, default_flow_style=True).splitlines()[0]}"
    edited = re.sub(r"(?m)^name:.*$", f"name: {job}", text, count=1)
    edited = re.sub(r"(?m)^  start:.*\n", "", edited, count=1)
    edited = re.sub(r"(?m)^source:[ \t]*$", lambda found: found[0] + line, edited, count=1)
    return edited if _is(edited, job, begin) else yaml.safe_dump(_changed(text, job, begin), sort_keys=False)


def _is(text: str, job: str, begin: Start) -> bool:
    try:
        found: JobSpec = parse(text, "job.yaml")
    except BadSpec:
        return False
    return (found.name, found.source.start) == (job, begin)


def _changed(text: str, job: str, begin: Start) -> dict[str, Any]:
    values = dict(yaml.safe_load(text))
    return {**values, "name": job, "source": {**values["source"], "start": begin}}
