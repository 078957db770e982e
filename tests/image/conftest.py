"""Containers of the built image: `make image`, then `make test-image`. WEIR_IMAGE names another tag."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

IMAGE = os.environ.get("WEIR_IMAGE", "weir:local")
# As docs/image.md says: nothing is writable but the state and /tmp, from which the JVM loads its native libraries.
READ_ONLY = ("--read-only", "--tmpfs", "/tmp:exec", "--tmpfs", "/weir/.state:uid=10001,gid=10001")
HARDENED = (*READ_ONLY, "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def docker(*words: str, check: bool = True) -> str:
    """Run `docker` and return both outputs. Raises AssertionError with them if it fails."""
    done = subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0 or not check, f"docker {' '.join(words)}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def image() -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("needs a Docker daemon: apt-get install docker.io, and DOCKER_HOST if it is not the default one")
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        pytest.skip(f"there is no image {IMAGE}: make image")


def run(*command: str, options: tuple[str, ...] = HARDENED) -> str:
    """Run a command to its end in a container as hardened as the image allows, and return its output."""
    return docker("run", "--rm", *options, IMAGE, *command)


def until(holds: Callable[[], object], what: str, bound_s: float = 300) -> None:
    deadline = time.monotonic() + bound_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {bound_s:.0f} s: {what}"
        time.sleep(1)


class Start(Protocol):
    def __call__(self, name: str, *command: str, env: dict[str, str] | None = None) -> str: ...


@pytest.fixture
def start() -> Iterator[Start]:
    """Start containers in a network of their own, where they know each other by name; returns a container's id. Removes all at the end."""
    network = f"weir-image-{uuid.uuid4().hex[:8]}"
    docker("network", "create", network)
    started: list[str] = []

    def starting(name: str, *command: str, env: dict[str, str] | None = None) -> str:
        variables = [word for key, value in (env or {}).items() for word in ("--env", f"{key}={value}")]
        quick = ("--health-interval", "2s", "--health-start-period", "1s", "--health-retries", "1", "--health-timeout", "120s")
        named = ("--network", network, "--network-alias", name, "--hostname", name)
        started.append(docker("run", "--detach", *HARDENED, *quick, *named, *variables, IMAGE, *command).split()[-1])
        return started[-1]

    yield starting
    for container in started:
        docker("rm", "--force", "--volumes", container, check=False)
    docker("network", "rm", network, check=False)


def health(container: str) -> str:
    """Return what the last health check of a container printed."""
    return docker("inspect", "--format", "{{range .State.Health.Log}}{{.Output}}{{end}}", container).strip()


def is_healthy(container: str) -> bool:
    return docker("inspect", "--format", "{{.State.Health.Status}}", container).strip() == "healthy"
