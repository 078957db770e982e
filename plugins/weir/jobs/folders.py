"""The folders that have jobs in them: `*/job.yaml` below each of `WEIR_JOBS`. One bad spec leaves the other jobs alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weir.errors import BadSpec, UnknownJob
from weir.jobs.fields import from_yaml
from weir.jobs.spec import JobSpec, parse
from weir.jobs.specs import Specs


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


def sound(*folders: Path) -> Specs:
    """Every spec that fits. A file that does not fit leaves the other jobs alone; of two with one name the first counts."""
    specs, owners = Specs(), dict[str, str]()
    for file in files(*folders):
        spec, told = read(file)
        if spec is None:
            specs.bad[_asked_as(file)] = BadSpec(told)
        elif spec.name in specs:
            what = f"{told}: name: {spec.name} is the job of {owners[spec.name]} already."
            specs.bad[file.parent.name] = BadSpec(what, "Choose another name.")
        else:
            specs[spec.name], owners[spec.name] = spec, told
    return specs


def check(job: str, *folders: Path) -> None:
    """Raises BadSpec if the file of a job does not fit. Of two folders of its name the first counts."""
    file = next((file for folder in folders if (file := folder / job / "job.yaml").exists()), None)
    if file and (found := read(file))[0] is None:
        raise BadSpec(found[1], "A running job keeps its deployed spec.")


def folder_of(job: str, *folders: Path) -> Path:
    """The folder with the job's spec: that of its name, if its spec says so, else whichever does. Raises UnknownJob."""
    named = (folder / job / "job.yaml" for folder in folders)
    for file in [*(file for file in named if file.exists()), *files(*folders)]:
        spec, _ = read(file)
        if spec is not None and spec.name == job:
            return file.parent
    raise UnknownJob(f"No folder has the job {job!r}.", "WEIR_JOBS names the folders of jobs.")


def _asked_as(file: Path) -> str:
    """The name that a file that does not fit gives its job, else the name of its folder."""
    with suppress(Exception):
        told = from_yaml(file.read_text(), file.name, BadSpec)
        if isinstance(told, dict) and isinstance(told.get("name"), str):
            return str(told["name"])
    return file.parent.name
