"""`make test-compose`: docker-compose.yml brought up, used, broken, scaled, exchanged and taken away.

Prints one table. Exit code 1 if a row failed.

Runs as root, for the packages and a dockerd of its own; or uses the daemon of DOCKER_HOST. 25 minutes on two cores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.compose import machine, stand_ins
from tests.compose.docker import MINUTES, PROJECT, CommandFailed, Compose, Docker, versions
from tests.compose.journey import Journey, build_earlier, sizes
from tests.compose.project import Project
from tests.compose.table import Table, say

EARLIER = "15ec5c9"  # before the image could be built
TAG, EARLIER_TAG = "test", "test-earlier"
FIRST_PORT = int(os.environ.get("WEIR_TEST_PORTS", "22100"))


def environment() -> dict[str, str]:
    """Return what replaces values of .env: a project, ports and images of the test's own."""
    ports = {name: str(FIRST_PORT + n) for n, name in enumerate(sorted(name for name in versions() if name.endswith("_PORT")))}
    return {**ports, "COMPOSE_PROJECT_NAME": "weir-test", "WEIR_IMAGE": "weir-compose-test", "WEIR_VERSION": TAG}


def known(commit: str) -> bool:
    return not subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=PROJECT, capture_output=True, check=False).returncode


def play(docker: Docker, table: Table, folder: Path) -> None:
    with table.row("Compose 2 (found, or built once)"):
        program = machine.compose_v2()
    with table.row("base image (made once)"):
        base = machine.base(docker)
    with table.row("stand-ins built"):
        stand_ins.build(docker, base, versions())
    env = {**environment(), "WEIR_BASE": base}
    compose = Compose(docker, program, env)
    with table.row("Weir's image built"):
        compose("build", "init", within_s=40 * MINUTES)
    image = env["WEIR_IMAGE"]
    project = Project(compose, {name: int(port) for name, port in env.items() if name.endswith("_PORT")})
    tags = [f"{image}:{TAG}", *(tag for _, tag, _ in stand_ins.tags(versions()))]
    say("images\n" + "\n".join(sizes(compose, tags)))
    try:
        travel(Journey(project, table, folder), compose, base, table)
    except BaseException:
        with suppress(CommandFailed):
            say(compose("ps", "-a") + compose("logs", "--tail", "15"))
        raise
    finally:
        with table.row("down -v"):
            compose("down", "-v", "--remove-orphans", within_s=5 * MINUTES)
        if os.environ.get("DOCKER_HOST"):
            for tag in (f"{image}:{TAG}", f"{image}:{EARLIER_TAG}"):
                with suppress(CommandFailed):
                    docker("rmi", tag)


def travel(journey: Journey, compose: Compose, base: str, table: Table) -> None:
    journey.up()
    journey.first_counts()
    journey.doors()
    journey.alert()
    journey.million()
    journey.kills()
    journey.down_and_up()
    journey.scale()
    if known(EARLIER):
        with table.row("image of an earlier commit built"), tempfile.TemporaryDirectory() as folder:
            build_earlier(compose, base, EARLIER, f"{compose.env['WEIR_IMAGE']}:{EARLIER_TAG}", Path(folder))
        journey.other_release(EARLIER_TAG, EARLIER)
    else:
        with table.row("another release") as row:
            row.verdict = f"not played: commit {EARLIER} is not here. Run: git fetch --unshallow"
    journey.recount()
    if old := shutil.which("docker-compose"):
        journey.by_version_1(old)


def main() -> int:
    table = Table()
    folder = Path(tempfile.mkdtemp(prefix="weir-compose-logs-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with table.row("packages"):
            machine.install()
        with machine.docker() as docker:
            play(docker, table, folder)
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
