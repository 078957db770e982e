"""`make test-compose`: docker-compose.yml brought up, used, broken, scaled, exchanged and taken away.

Prints one table. Exit code 1 if a row failed.

Runs as root, for the packages and a dockerd of its own; or uses the daemon of DOCKER_HOST, where a step can be played again:
`--keep` leaves the project there, `--from STEP` goes on with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.compose import machine, stand_ins
from tests.compose.docker import MINUTES, PROJECT, CommandFailed, Compose, Docker, run, versions
from tests.compose.journey import Journey, sizes
from tests.compose.project import Project
from tests.compose.table import Table, say

EARLIER = "847fa68"  # the packages are those of today, so their layer is built once
TAG, EARLIER_TAG = "test", "test-earlier"
STEPS = (
    "up", "first-counts", "doors", "alert", "lines", "kills", "down-and-up", "scale", "release", "history", "collect", "recount",
    "version-1",
)  # fmt: skip
NEEDED = ("up", "first-counts")
FIRST_PORT = int(os.environ.get("WEIR_TEST_PORTS", "22100"))


def environment() -> dict[str, str]:
    """Return what replaces values of .env: a project, ports and images of the test's own."""
    ports = {name: str(FIRST_PORT + n) for n, name in enumerate(sorted(name for name in versions() if name.endswith("_PORT")))}
    return {**ports, "COMPOSE_PROJECT_NAME": "weir-test", "WEIR_IMAGE": "weir-compose-test", "WEIR_VERSION": TAG}


def known(commit: str) -> bool:
    return not subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=PROJECT, capture_output=True, check=False).returncode


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description="Play docker-compose.yml.")
    parser.add_argument("--lines", type=int, default=1_000_000, help="how many lines are sent at full speed (%(default)s)")
    parser.add_argument("--from", dest="first", choices=STEPS, default=STEPS[0], help="go on with a project that --keep has left")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=STEPS, metavar="STEP", help="play only up, first-counts and these")
    parser.add_argument("--keep", action="store_true", help="leave the project in the daemon of DOCKER_HOST")
    asked = parser.parse_args()
    if (asked.keep or asked.first != STEPS[0]) and not os.environ.get("DOCKER_HOST"):
        parser.error("--keep and --from need the daemon of DOCKER_HOST: the test's own is taken away at the end")
    return asked


def play(docker: Docker, table: Table, folder: Path, asked: argparse.Namespace) -> None:
    with table.row("Compose 2 (found, or built once)"):
        program = machine.compose_v2()
    with table.row("base image (made once)"):
        base = machine.base(docker)
    env = {**environment(), "WEIR_BASE": base}
    compose = Compose(docker, program, env)
    with ThreadPoolExecutor() as pool:  # both wait for downloads most of the time

        def stood_in() -> None:
            with table.row("stand-ins built"):
                stand_ins.build(docker, base, versions())

        others = pool.submit(stood_in)
        with table.row("meanwhile Weir's image built"):
            compose("build", "init", within_s=30 * MINUTES)
        others.result()
    image = env["WEIR_IMAGE"]
    project = Project(compose, {name: int(port) for name, port in env.items() if name.endswith("_PORT")})
    tags = [f"{image}:{TAG}", *(tag for _, tag, _ in stand_ins.tags(versions()))]
    say("images\n" + "\n".join(sizes(compose, tags)))
    try:
        travel(Journey(project, table, folder, asked.lines), table, asked.first, {*NEEDED, *asked.only})
    finally:
        if not asked.keep:
            take_away(compose, table)


def take_away(compose: Compose, table: Table) -> None:
    with table.row("down -v"):
        compose("--profile", "cli", "--profile", "history", "--profile", "collect", "down", "-v", "--remove-orphans", within_s=5 * MINUTES)
    if os.environ.get("DOCKER_HOST"):
        for tag in (TAG, EARLIER_TAG):
            with suppress(CommandFailed):
                compose.docker("rmi", f"{compose.env['WEIR_IMAGE']}:{tag}")


def travel(journey: Journey, table: Table, first: str, wanted: Collection[str]) -> None:
    """Play the wanted steps from `first` on. One that fails is in the table, and the next is played unless it needs a stack with a job."""

    def release() -> None:
        if not known(EARLIER):
            with table.row("another release") as row:
                row.verdict = f"not played: commit {EARLIER} is not here. Run: git fetch --unshallow"
            return
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            Path(folder).chmod(0o755)
            # With the modes of a checkout: with others the layer of the packages is built again.
            run(["sh", "-c", f"git -c tar.umask=0022 archive {EARLIER} | tar -x -C {folder}"])
            with Path(folder, "spark_jobs/error_counts/job.py").open("a") as code:
                code.write("# Another version: a deploy of the same one does nothing.\n")
            journey.other_release(EARLIER_TAG, Path(folder))

    def version_1() -> None:
        if old := shutil.which("docker-compose"):
            journey.by_version_1(old)

    played: tuple[Callable[[], None], ...] = (
        journey.up, journey.first_counts, journey.doors, journey.alert, journey.million, journey.kills, journey.down_and_up,
        journey.scale, release, journey.history, journey.collector, journey.recount, version_1,
    )  # fmt: skip
    for name, step in list(zip(STEPS, played, strict=True))[STEPS.index(first) :]:
        if name not in wanted:
            continue
        try:
            step()
        except (CommandFailed, OSError) as error:
            say(f"FAILED: {name}: {error}")
            table.fail(name, str(error))
            with suppress(CommandFailed):
                say(journey.parts())
            if name in NEEDED:
                raise


def main() -> int:
    asked, table = arguments(), Table()
    folder = Path(tempfile.mkdtemp(prefix="weir-compose-logs-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with table.row("packages"):
            machine.install()
        with machine.docker() as docker:
            play(docker, table, folder, asked)
        if not os.environ.get("DOCKER_HOST"):
            with table.row("nothing is left on the machine") as row:
                if rest := machine.left():
                    raise CommandFailed("; ".join(rest))
                row.verdict = "no container, bridge, chain or folder"
    except (CommandFailed, subprocess.CalledProcessError) as error:
        say(f"FAILED: {error}")
        table.show()
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.show()
    say("stand-ins, since these images could not be pulled")
    say("\n".join(f"  {tag:32} {content}" for _, tag, content in stand_ins.tags(versions())))
    say("  grafana/grafana                  not started: only its configuration is read by the tests")
    return int(table.failed)


if __name__ == "__main__":
    sys.exit(main())
