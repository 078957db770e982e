"""Find jobs: `*/job.yaml` below each folder of `WEIR_JOBS`. A bad spec does not affect other jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weir.errors import BadSpec, UnknownJob
from weir.jobs.fields import from_yaml
from weir.jobs.spec import JobSpec, parse
from weir.jobs.specs import Specs


def files(*folders: Path) -> Iterator[Path]:
    """Yield every `job.yaml`, folder by folder."""
    for folder in folders:
        yield from sorted(folder.glob("*/job.yaml"))


def read(file: Path) -> tuple[JobSpec | None, str]:
    """Return the spec in a file with its path, or None with the error."""
    where = f"{file.parent.name}/{file.name}"
    try:
        return parse(file.read_text(), where), where
    except BadSpec as error:
        return None, f"{error.what} {error.next_step}"
    except (OSError, UnicodeDecodeError) as error:
        return None, f"{where} cannot be read: {error}."


def sound(*folders: Path) -> Specs:
    """Return every valid spec. A bad file does not affect other jobs; of two files with one name the first counts."""
    specs, owners = Specs(), dict[str, str]()
    for file in files(*folders):
        spec, text = read(file)
        if spec is None:
            specs.bad[_asked_as(file)] = BadSpec(text)
        elif spec.name in specs:
            what = f"{text}: name: {owners[spec.name]} already has the name {spec.name}."
            specs.bad[file.parent.name] = BadSpec(what, "Choose another name.")
        else:
            specs[spec.name], owners[spec.name] = spec, text
    return specs


def check(job: str, *folders: Path) -> None:
    """Raise BadSpec if the file of a job is not valid. Of two folders of its name the first counts."""
    file = next((file for folder in folders if (file := folder / job / "job.yaml").exists()), None)
    if file and (found := read(file))[0] is None:
        raise BadSpec(found[1], "A running job keeps its deployed spec.")


def folder_of(job: str, *folders: Path) -> Path:
    """Return the folder with the job's spec: the folder of its name if its spec has that name, else any. Raises UnknownJob."""
    named = (folder / job / "job.yaml" for folder in folders)
    for file in [*(file for file in named if file.exists()), *files(*folders)]:
        spec, _ = read(file)
        if spec is not None and spec.name == job:
            return file.parent
    raise UnknownJob(f"No job folder contains the job {job!r}.", "Check WEIR_JOBS, which lists the job folders.")


def _asked_as(file: Path) -> str:
    """Return the name that a bad file gives its job, else the name of its folder."""
    with suppress(Exception):
        values = from_yaml(file.read_text(), file.name, BadSpec)
        if isinstance(values, dict) and isinstance(values.get("name"), str):
            return str(values["name"])
    return file.parent.name
