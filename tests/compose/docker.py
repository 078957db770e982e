"""The docker command line, and one project of Compose."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
MINUTES = 60.0


class CommandFailed(Exception):
    """A command, its exit code and the end of what it printed."""


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, within_s: float = 10 * MINUTES, sends: str = "", folder: Path = PROJECT
) -> str:
    """Run a command and return its standard output. Raises CommandFailed."""
    try:
        given = {**os.environ, **(env or {})}
        done = subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True, input=sends, timeout=within_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{' '.join(command)}: no end after {within_s:.0f} s") from error
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return done.stdout


@dataclass(frozen=True)
class Docker:
    """`host` is the value of DOCKER_HOST."""

    host: str

    def __call__(self, *arguments: str, within_s: float = 10 * MINUTES) -> str:
        return run(["docker", *arguments], {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}, within_s)

    def inspect(self, name: str) -> Any:
        return json.loads(self("inspect", name))[0]


@dataclass(frozen=True)
class Compose:
    """A project. `program` is its command, of either version; `env` overrides values of .env; `folder` is a checkout."""

    docker: Docker
    program: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path = PROJECT

    def __call__(self, *arguments: str, within_s: float = 10 * MINUTES, sends: str = "") -> str:
        env = {**self.env, "DOCKER_HOST": self.docker.host, "DOCKER_BUILDKIT": "0"}
        return run([*self.program, *arguments], env, within_s, sends, self.folder)

    def weir(self, *arguments: str, within_s: float = 5 * MINUTES, mount: str = "", sends: str = "") -> str:
        """Run a command of Weir as docs/compose.md says. `mount` is SOURCE:TARGET."""
        volume = ["-v", f"{mount}:ro"] if mount else []
        return self("run", "--rm", "-T", *volume, "weir", *arguments, within_s=within_s, sends=sends)

    def containers(self, service: str = "") -> list[str]:
        """Return the ids of the project's containers, also of those that ended. Those of `run` may vanish meanwhile and are left out."""
        label = "label=com.docker.compose"
        wanted = [f"{label}.project={self.env['COMPOSE_PROJECT_NAME']}", f"{label}.oneoff=False"]
        wanted += [f"{label}.service={service}"] if service else []
        return self.docker("ps", "-a", "-q", "--no-trunc", *(word for one in wanted for word in ("--filter", one))).split()


def versions() -> dict[str, str]:
    """Return the values of .env."""
    lines = (PROJECT / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
