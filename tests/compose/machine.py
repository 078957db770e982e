"""What the test needs of this machine, and its way back: packages, a dockerd of its own, a base image, Compose 2.

With DOCKER_HOST set, that daemon is used and left alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compose import firewall
from tests.compose.docker import CommandFailed, Docker, run
from tests.kubernetes.binaries import built
from weir.local import jars

PACKAGES = {"dockerd": "docker.io", **{name: name for name in ("debootstrap", "iptables", "docker-compose")}}
RELEASE = "bookworm"
BASE = f"weir-test-base:{RELEASE}"
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
# Of cgroup v1 only. There all containers together weigh as much as one process outside of them: beside 50 others, Kafka was not healthy
# after six minutes. So the test's containers are in a group of their own with the weight of eight processes.
GROUPS, GROUP, SHARES = Path("/sys/fs/cgroup"), "weir-compose", 8 * 1024
# Certificates of this machine, for builds behind a proxy that signs anew. Only the test's base image has them.
CERTIFICATES = Path("/usr/local/share/ca-certificates")
BASE_FILE = """\
FROM {base}
COPY certificates /usr/local/share/ca-certificates
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* && update-ca-certificates
ENV SSL_CERT_FILE={bundle} PIP_CERT={bundle} REQUESTS_CA_BUNDLE={bundle} UV_NATIVE_TLS=1
"""
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def cached(name: str) -> Path:
    """Return the path of something that takes minutes to make, beside the jars."""
    folder = jars.cache() / "weir-test"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def install() -> None:
    """Install what is missing. Raises CommandFailed."""
    if missing := sorted(package for program, package in PACKAGES.items() if not shutil.which(program)):
        if os.geteuid() != 0:
            raise CommandFailed(f"Only root can install packages. Run: apt-get install {' '.join(missing)}")
        run(["apt-get", "update", "-q"])
        run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], {"DEBIAN_FRONTEND": "noninteractive"})


def compose_v2() -> tuple[str, ...]:
    """Return the command of Compose 2: Docker's plugin if it is there, else built from its Go modules the first time (5 minutes of CPU)."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ("docker", "compose") if plugin.returncode == 0 else (str(built("docker-compose")["docker-compose"]),)


@contextmanager
def docker() -> Iterator[Docker]:
    """Yield the daemon of DOCKER_HOST, and touch nothing of the machine; or one of the test's own, which is taken away at the end."""
    if host := os.environ.get("DOCKER_HOST"):
        yield Docker(host)
        return
    before, there = _rules(), _bridges()
    if firewall.of_docker(before, there):
        raise CommandFailed("Two Docker daemons on one machine break each other's iptables. Set DOCKER_HOST to the one that runs.")
    folder = Path(tempfile.mkdtemp(prefix="weir-compose-", dir="/var/tmp"))
    forwarded = FORWARD.read_text()
    daemon = _start(folder, _group())
    try:
        yield _ready(folder, daemon)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(120)
        _take_away(_bridges() - there, firewall.policy(before))
        FORWARD.write_text(forwarded)
        for made in _groups():
            made.rmdir()
        shutil.rmtree(folder, ignore_errors=True)


def _group() -> tuple[str, ...]:
    """Make the group of the containers, and return the daemon's option for it."""
    if not (GROUPS / "cpu").is_dir():
        return ()
    made = GROUPS / "cpu" / GROUP
    made.mkdir(exist_ok=True)
    (made / "cpu.shares").write_text(str(SHARES))
    return (f"--cgroup-parent=/{GROUP}",)


def _groups() -> list[Path]:
    """Return the group's folders, one in each hierarchy."""
    return [found for found in GROUPS.glob(f"*/{GROUP}") if not found.parent.is_symlink()]


def _start(folder: Path, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    places = (f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host=unix://{folder}/docker.sock")
    with (folder / "log").open("wb") as log:
        command = ["dockerd", *places, *options, "--default-ulimit=nofile=20000:20000"]
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def _ready(folder: Path, daemon: subprocess.Popen[bytes]) -> Docker:
    found = Docker(f"unix://{folder}/docker.sock")
    deadline = time.monotonic() + 60
    while daemon.poll() is None and time.monotonic() < deadline:
        try:
            found("info")
            return found
        except CommandFailed:
            time.sleep(0.5)
    raise CommandFailed(f"dockerd did not start:\n{(folder / 'log').read_text()[-3000:]}")


def _rules() -> str:
    return run(["iptables-save"])


def _bridges() -> set[str]:
    return firewall.bridges(run(["ip", "-o", "link", "show", "type", "bridge"]))


def _take_away(made: set[str], policy: str) -> None:
    """Remove the chains, rules and bridges that the daemon has left."""
    for command in firewall.undo(_rules(), made, policy):
        run(command)
    for bridge in made:
        run(["ip", "link", "delete", bridge])


def left() -> list[str]:
    """Return what a daemon of the test's own would have left behind."""
    found = _bridges()
    return [*firewall.of_docker(_rules(), found), *sorted(found), *map(str, _groups())]


def base(docker: Docker) -> str:
    """Return the tag of a base image with this machine's certificates, made by debootstrap the first time (75 s)."""
    if docker("images", "-q", BASE).strip():
        return BASE
    archive = cached(f"{RELEASE}.tar")
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir="/var/tmp") as tree:
            run(["debootstrap", "--variant=minbase", RELEASE, tree])
            run(["tar", "-C", tree, "-cf", str(archive.with_suffix(".part")), "."])
            archive.with_suffix(".part").rename(archive)
    plain = f"{BASE}-plain"
    docker("import", str(archive), plain)
    with tempfile.TemporaryDirectory() as context:
        if CERTIFICATES.is_dir():
            shutil.copytree(CERTIFICATES, f"{context}/certificates")
        else:
            Path(context, "certificates").mkdir()
        Path(context, "Dockerfile").write_text(BASE_FILE.format(base=plain, bundle=BUNDLE))
        docker("build", "--quiet", "-t", BASE, context)
    return BASE
