"""Collect the files of a job, and copy them to a bundle: what runs is what was deployed, even if the files change."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weir.errors import BadSpec
from weir.jobs.folders import folder_of
from weir.jobs.models import complete_spec, model_in
from weir.jobs.names import problem
from weir.jobs.options import Model
from weir.jobs.spec import PACKAGE, JobSpec
from weir.settings import OWN_JOBS

# Files in a job's folder that its driver never reads: an edit of them makes no new version.
LEFT_OUT = ("__pycache__", "tests", "test_*.py", "conftest.py", "*.md", "job.yaml", ".*")

CATALOGUE = "catalogue"  # the folder of Weir's package with jobs that WEIR_JOBS may name: no other job ships them


@dataclass(frozen=True)
class Made:
    """A spec with all its options, the model that declares them, and the files of the job by their place in a bundle."""

    spec: JobSpec
    model: Model
    files: Mapping[str, Path]

    @property
    def version(self) -> str:
        """Return twelve hexadecimal digits that change with the spec and the files of this job only."""
        digest = hashlib.sha256(self.spec.model_dump_json().encode())
        for place, file in sorted(self.files.items()):
            digest.update(place.encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def copy_to(self, folder: Path) -> None:
        """Lay the files out as in a bundle."""
        _copy(self.files, folder)


def made_of(spec: JobSpec, *folders: Path) -> Made:
    """Collect the spec and files of a job: its folder, and the runtime if its kind uses it. `folders` are the job folders.

    Raises UnknownJob if no folder has it, BadSpec if its options are not valid.
    """
    home = _home(spec, folders)
    model = model_in(home, spec)
    files = {f"{spec.folder}/{file.relative_to(home)}": file for file in _files(home)}
    return Made(complete_spec(spec, model), model, {**(_runtime(folders) if spec.kind.uses_runtime else {}), **files})


def _home(spec: JobSpec, folders: tuple[Path, ...]) -> Path:
    """Return the folder with the code of a job. In Weir's package the application names it: specs may share it."""
    package, _, name = spec.folder.rpartition("/")
    if package:
        return next((folder / name for folder in folders if folder.name == PACKAGE and (folder / name).is_dir()), OWN_JOBS / name)
    home = folder_of(spec.name, *folders)
    if home.name != spec.name:
        raise BadSpec(
            f"{home.name}/job.yaml is not valid: name: the folder is {home.name}, the job {spec.name}.", "Give both the same name."
        )
    if why := problem(spec.name):
        raise BadSpec(f"{home.name}/job.yaml is not valid: name: {spec.name} {why}.", "Choose another name.")
    return home


def _runtime(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Return the files of Weir's package without jobs and catalogue: the installed package, unless a job folder is a copy of it."""
    root = next((folder for folder in folders if folder.name == PACKAGE and (folder / "runtime").is_dir()), OWN_JOBS)
    jobs = {root / CATALOGUE, *(file.parent for file in root.glob("*/job.yaml"))}
    files = (file for file in _files(root) if file.suffix in (".py", ".java") and not jobs & set(file.parents))
    return {f"{PACKAGE}/{file.relative_to(root)}": file for file in files}


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        parts = (Path(part) for part in file.relative_to(folder).parts)
        if file.is_file() and not any(part.match(pattern) for part in parts for pattern in LEFT_OUT):
            yield file


class BundleFolder:
    """Versions in a folder that drivers and Airflow reach by the same path."""

    def __init__(self, home: str) -> None:
        self._home = Path(home)

    def publish(self, version: str, files: Mapping[str, Path]) -> None:
        if self.folder(version).exists():
            return
        temporary = self._home / f"{version}.{uuid.uuid4().hex}"  # threads of one process publish at once, too
        temporary.mkdir(parents=True)
        _copy(files, temporary)
        try:
            temporary.rename(self.folder(version))
        except OSError:  # somebody else published the same version first
            shutil.rmtree(temporary)

    def place(self, version: str) -> str:
        return str(self.folder(version))

    def folder(self, version: str) -> Path:
        return self._home / version

    def kept(self) -> set[str]:
        return {found.name for found in self._home.iterdir() if "." not in found.name} if self._home.is_dir() else set()

    def drop(self, versions: Iterable[str]) -> None:
        for version in versions:
            shutil.rmtree(self.folder(version), ignore_errors=True)


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    for place, file in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / place)
