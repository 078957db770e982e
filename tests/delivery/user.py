"""An Airflow as a user has it: 3.3.2 with the pins of its own resolution, in a virtual environment or an image, and Weir's wheel in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weir.local.process import Child

AIRFLOW = "apache-airflow==3.3.2"
OF_THE_USER = "apache-airflow[celery,http,postgres]==3.3.2"
UV = Path(sys.executable).with_name("uv")
DOCKERFILE = f"""\
ARG BASE=debian:bookworm-slim
FROM ${{BASE}} AS airflow
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless python3 python3-venv procps
RUN python3 -m venv /opt/airflow && /opt/airflow/bin/pip install --quiet --no-cache-dir '{OF_THE_USER}'
RUN /opt/airflow/bin/pip freeze > /before.txt && useradd --uid 50000 --gid 0 --create-home airflow
FROM airflow
COPY *.whl /tmp/
RUN /opt/airflow/bin/pip install --quiet --no-cache-dir "$(ls /tmp/*.whl)[airflow]" {AIRFLOW} && /opt/airflow/bin/pip freeze > /after.txt
USER 50000:0
"""


class Place(Protocol):
    """Where the user's Airflow is installed. `before` and `after` are `pip freeze` around the installation of the wheel."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    def command(self, env: Mapping[str, str], shared: Path, *args: str) -> list[str]:
        """Return what runs a program of the installation, with these variables and the folder `shared`."""
        ...


def frozen(text: str) -> dict[str, str]:
    """Return `pip freeze` as versions by normal name (pip says SQLAlchemy, uv sqlalchemy); the address of a file counts as a version."""
    rows = (line.replace(" @ ", "==").partition("==") for line in text.splitlines())
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, _, version in rows}


def checked(*command: str | Path, timeout: float = 1800, cwd: Path | None = None) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class Venv:
    folder: Path
    before: Mapping[str, str]
    after: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, wheel: Path) -> Venv:
        checked(UV, "venv", "--quiet", "--python", sys.executable, folder)
        pip = (UV, "pip", "--quiet")
        into = ("--python", folder / "bin/python")
        checked(*pip, "install", *into, OF_THE_USER)
        before = frozen(checked(*pip, "freeze", *into))
        checked(*pip, "install", *into, f"{wheel}[airflow]", AIRFLOW)
        checked(*pip, "check", *into)
        return cls(folder, before, frozen(checked(*pip, "freeze", *into)))

    def command(self, env: Mapping[str, str], shared: Path, *args: str) -> list[str]:
        path = f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        return ["env", "-i", f"PATH={path}", *(f"{name}={value}" for name, value in env.items()), *args]


@dataclass(frozen=True)
class Image:
    tag: str
    before: Mapping[str, str]
    after: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, wheel: Path, base: str) -> Image:
        folder.mkdir()
        shutil.copy(wheel, folder)
        (folder / "Dockerfile").write_text(DOCKERFILE)
        tag = "weir-test-delivery:local"
        checked("docker", "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", tag, folder)
        before, after = (checked("docker", "run", "--rm", tag, "cat", f"/{name}.txt") for name in ("before", "after"))
        checked("docker", "run", "--rm", tag, "/opt/airflow/bin/pip", "check")
        return cls(tag, frozen(before), frozen(after))

    def command(self, env: Mapping[str, str], shared: Path, *args: str) -> list[str]:
        path = "PATH=/opt/airflow/bin:/usr/local/bin:/usr/bin:/bin"
        variables = [word for each in (path, *(f"{name}={value}" for name, value in env.items())) for word in ("--env", each)]
        return ["docker", "run", "--rm", "--init", "--network", "host", "--volume", f"{shared}:{shared}", *variables, self.tag, *args]


@dataclass(frozen=True)
class User:
    """The user's Airflow with its variables. `run` is a command that somebody types there."""

    place: Place
    shared: Path
    env: Mapping[str, str]

    def run(self, *args: str, codes: tuple[int, ...] = (0,)) -> str:
        command = self.place.command(self.env, self.shared, *args)
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False, cwd=self.shared)
        assert done.returncode in codes, f"{' '.join(args)}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def doctor(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.run("weir", "doctor", "--format", "json", codes=(0, 1)))
        return found

    def knowing(self, **variables: str) -> User:
        return User(self.place, self.shared, {**self.env, **variables})

    @contextmanager
    def background(self, *args: str) -> Iterator[Path]:
        """Run a program until the block ends; its log."""
        log = self.shared / "background.log"
        child = Child.start(tuple(self.place.command(self.env, self.shared, *args)), log, dict(os.environ), self.shared)
        try:
            yield log
        finally:
            child.stop("SIGTERM", 60)
            child.kill_group()
