"""The deployed code of the jobs: a copy per version, so that what runs is what was deployed, also after the files have changed."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from weir.jobs.spec import JobSpec

KINDS = (".py", ".yaml")


def version_of(code: Path, spec: JobSpec) -> str:
    """Twelve hexadecimal digits that change when the spec or any code file does."""
    digest = hashlib.sha256(spec.model_dump_json().encode())
    for file in _files(code):
        digest.update(str(file.relative_to(code)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def publish(code: Path, bundles: Path, version: str) -> Path:
    """Copy the code to `bundles/<version>/<name of the code folder>`, once. Returns the folder to put on the driver's path."""
    target = bundles / version
    if not target.exists():
        temporary = bundles / f"{version}.{uuid.uuid4().hex}"  # threads of one process publish at once, too
        for file in _files(code):
            copy = temporary / code.name / file.relative_to(code)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        try:
            temporary.rename(target)
        except OSError:  # somebody else published the same version first
            shutil.rmtree(temporary)
    return target


def kept(bundles: Path) -> set[str]:
    """The versions, of all jobs, whose code is here."""
    return {found.name for found in bundles.iterdir() if found.is_dir()} if bundles.is_dir() else set()


def drop(bundles: Path, versions: Iterable[str]) -> None:
    """Remove the code of versions that nobody goes back to. What cannot be removed now is left for the next time."""
    for version in versions:
        shutil.rmtree(bundles / version, ignore_errors=True)


def _files(code: Path) -> list[Path]:
    return sorted(f for f in code.rglob("*") if f.suffix in KINDS and "__pycache__" not in f.parts)
