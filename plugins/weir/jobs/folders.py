"""The folders that have jobs in them: `*/job.yaml` below each of `WEIR_JOBS`. One bad spec leaves the other jobs alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weir.errors import BadSpec, UnknownJob
from weir.jobs.spec import JobSpec, find, parse


def read_all(*folders: Path) -> list[tuple[JobSpec | None, str]]:
    """Every spec with its place, or None with what is wrong."""
    return [read(file) for file in files(*folders)]


def files(*folders: Path) -> Iterator[Path]:
    """Every `job.yaml`, folder by folder."""
    for folder in folders:
        yield from sorted(folder.glob("*/job.yaml"))


def read(file: Path) -> tuple[JobSpec | None, str]:
    """The spec in a file with its place, or None with what is wrong."""
    where = f"{file.parent.name}/{file.name}"
    try:
        return parse(file.read_text(), where), where
    except BadSpec as error:
        return None, f"{error.what} {error.next_step}"
    except (OSError, UnicodeDecodeError) as error:
        return None, f"{where} cannot be read: {error}."


def sound(*folders: Path) -> dict[str, JobSpec]:
    """The specs that fit, by job name; of two with one name the first."""
    specs: dict[str, JobSpec] = {}
    for spec, _ in read_all(*folders):
        if spec is not None:
            specs.setdefault(spec.name, spec)
    return specs


def spec_of(job: str, *folders: Path) -> JobSpec:
    """The spec of one job. Raises BadSpec if its own file does not fit, UnknownJob if there is none."""
    check(job, *folders)
    return find(sound(*folders), job)


def check(job: str, *folders: Path) -> None:
    """Raises BadSpec if the file of a job does not fit."""
    for folder in folders:
        file = folder / job / "job.yaml"
        if file.exists() and (found := read(file))[0] is None:
            raise BadSpec(found[1], "What runs goes on with the spec that was deployed.")


def folder_of(job: str, *folders: Path) -> Path:
    """The folder with the job's spec: that of its name, if its spec says so, else whichever does. Raises UnknownJob."""
    named = (folder / job / "job.yaml" for folder in folders)
    for file in [*(file for file in named if file.exists()), *files(*folders)]:
        spec, _ = read(file)
        if spec is not None and spec.name == job:
            return file.parent
    raise UnknownJob(f"No folder has the job {job!r}.", "WEIR_JOBS names the folders of jobs.")
