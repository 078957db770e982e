"""Log files whose counts are known by construction, and a load that is sent slowly."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drill.generator import Generator, Mix
from tests.compose.docker import MINUTES, CommandFailed
from tests.compose.project import Project

RATE = 300  # lines a second of a load
EARLIER_S = 6 * 3600  # the lines are dated before now: a line of the future is rejected


@dataclass(frozen=True)
class Log:
    """A file of a service's lines. `levels` are the counts that it must give; `lines` includes those that must be rejected."""

    path: Path
    service: str
    lines: int
    levels: Mapping[str, int]

    @property
    def mount(self) -> str:
        return f"{self.path}:/logs/{self.path.name}"

    @property
    def inside(self) -> str:
        return f"/logs/{self.path.name}"


def write(folder: Path, service: str, lines: int, density: int = 10_000) -> Log:
    """Write a log of `lines` lines, of which `density` have the same second."""
    generator = Generator(lines, int(time.time() - EARLIER_S) * 1000, Mix(services=(service,), events_per_s=density))
    path = folder / f"{service}.log"
    with path.open("wb") as file:
        for block in generator.blocks(lines):
            file.writelines(line + b"\n" for _, line in block)
    path.chmod(0o644)
    return Log(path, service, lines, dict(generator.truth.levels()))


class Load:
    """Sends a log at RATE from a container in the background."""

    def __init__(self, project: Project, log: Log) -> None:
        self._compose, self._project, self.log = project.compose, project, log
        self._name = f"{project.compose.env['COMPOSE_PROJECT_NAME']}-load-{log.service}"
        self._start()

    def _start(self) -> None:
        ingest = ("ingest", self.log.inside, "--service", self.log.service, "--resume")
        self._compose("run", "-d", "--name", self._name, "-v", f"{self.log.mount}:ro", "weir", *ingest, "--rate", str(RATE))

    def go_on(self) -> None:
        """Start the sender again if it has given up on a broker that was away too long, as a person would."""
        if not self._project.state(self._name)["Running"]:
            self._compose.docker("rm", self._name)
            self._start()

    def end(self) -> None:
        """Kill the sender, send the rest at full speed, and wait until everything is counted. Raises CommandFailed if a count differs."""
        self._compose.docker("rm", "-f", self._name)
        self._compose.weir(
            "ingest", self.log.inside, "--service", self.log.service, "--resume", mount=self.log.mount, within_s=10 * MINUTES
        )
        is_exact(self._project, self.log)


def is_exact(project: Project, log: Log) -> None:
    """Wait until everything has landed, and compare the counts of a log with its truth."""
    project.compose.weir("wait", "error_counts", "--lag", "0", "--timeout", "6m", within_s=7 * MINUTES)
    if (found := project.counted(log.service)) != log.levels:
        raise CommandFailed(f"{log.service}: counted {found}, expected {dict(log.levels)}")
