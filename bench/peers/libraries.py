"""The jars of the peers' engines: pinned by checksum, and in a cache outside `.venv`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from weir.errors import StackFailed
from weir.local import jars

PROJECT = Path(__file__).resolve().parents[2]
FLINK = "requirements-peers.txt"
FLINK_KAFKA = jars.Jar(
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2", "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616"
)
# Of the broker's version. RocksDB's jar is part of it, and not used: Kafka Streams starts without it.
STREAMS = jars.Jar("org.apache.kafka:kafka-streams:4.1.1", "e554318dbc2b07461f714be32bb324744ba993eb7a49f938792beff577d7044b")
WITHIN_S = 1800.0


def kafka(_: Path) -> Sequence[Path]:
    return jars.class_path("kafka")


def kafka_streams(_: Path) -> Sequence[Path]:
    return [*jars.class_path("kafka"), jars.fetched(STREAMS)]


def flink(cache: Path) -> Sequence[Path]:
    """Return the jars of Flink's distribution, 330 MB, installed unless they are there, and its Kafka connector. Raises StackFailed."""
    wanted = PROJECT / FLINK
    made = cache / f"flink-{_version(wanted)}"
    if not made.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            _install(wanted, Path(folder) / "flink")
            (Path(folder) / "flink").rename(made)
    return [*sorted((made / "pyflink" / "lib").glob("*.jar")), jars.fetched(FLINK_KAFKA)]


def _version(requirements: Path) -> str:
    pinned = next(line for line in requirements.read_text().splitlines() if line.startswith("apache-flink-libraries=="))
    return pinned.split("==")[1].split()[0]


def _install(requirements: Path, to: Path) -> None:
    build = ("--build-constraints", str(PROJECT / "requirements-build.txt"))
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", *build, "--target", to, "-r", requirements]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode:
        raise StackFailed(f"Flink could not be installed: {done.stderr.strip()[-1000:]}", "Check the network, then try again.")
