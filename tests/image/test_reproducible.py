"""The same inputs give the same files: two builds without cache, compared by every file's type, mode, owner and content."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile

import pytest

from tests.conftest import PROJECT
from tests.image.conftest import IMAGE, docker

# Written by Debian's packages when they are installed: a key store with the dates of its entries.
DATED = {"etc/ssl/certs/java/cacerts"}
# Docker's own, in each new container.
OF_DOCKER = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf"}


def files(image: str) -> dict[str, str]:
    """Return each path's type, mode, owner, link and sha256."""
    container = docker("create", image).split()[-1]
    try:
        with (
            subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export,
            tarfile.open(fileobj=export.stdout, mode="r|") as archive,
        ):
            return {entry.name: _described(archive, entry) for entry in archive}
    finally:
        docker("rm", container)


def _described(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    content = archive.extractfile(entry) if entry.isreg() else None
    digest = hashlib.file_digest(content, "sha256").hexdigest() if content else ""  # type: ignore[arg-type]
    return f"{entry.type!r} {entry.mode:o} {entry.uid}:{entry.gid} {entry.linkname} {digest}"


@pytest.mark.skipif(not os.environ.get("WEIR_IMAGE_TWICE"), reason="builds the image again without cache: set WEIR_IMAGE_TWICE=1")
def test_two_builds_hold_the_same_files() -> None:
    base = os.environ.get("BASE", "debian:bookworm-slim")
    docker("build", "--no-cache", "--build-arg", f"BASE={base}", "-f", str(PROJECT / "deploy/Dockerfile"), "-t", "weir:again", str(PROJECT))
    first, second = files(IMAGE), files("weir:again")
    differing = {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}
    assert differing - OF_DOCKER <= DATED, sorted(differing)[:50]
