"""The jars of the brokers and of Spark's Kafka source, by Maven coordinate, pinned in jars.lock with checksums.

`python -m weir.local.jars [SET...]` rewrites the lock, or only these sets of it; everything else only reads it, and downloads only what
the cache lacks.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir.errors import StackFailed

LOCK = Path(__file__).with_name("jars.lock")
AWS_SDK = (
    "s3", "s3-transfer-manager", "sts", "kms", "netty-nio-client", "apache-client", "annotations", "arns", "auth", "aws-core",
    "aws-json-protocol", "aws-query-protocol", "aws-xml-protocol", "checksums", "checksums-spi", "crt-core", "endpoints-spi", "http-auth",
    "http-auth-aws", "http-auth-aws-eventstream", "http-auth-spi", "http-client-spi", "identity-spi", "json-utils", "metrics-spi",
    "profiles", "protocol-core", "regions", "retries", "retries-spi", "sdk-core", "third-party-jackson-core", "utils", "utils-lite",
)  # fmt: skip
FLUME = (
    "org.apache.flume:flume-ng-node", "org.apache.flume:flume-ng-core", "org.apache.flume:flume-ng-sdk", "org.apache.flume:flume-ng-auth",
    "org.apache.flume:flume-ng-configuration", "org.apache.flume:flume-ng-config-filter-api",
    "org.apache.flume.flume-shared:flume-shared-kafka", "org.apache.flume.flume-ng-sources:flume-taildir-source",
    "org.apache.flume.flume-ng-channels:flume-file-channel", "org.apache.flume.flume-ng-sinks:flume-ng-kafka-sink",
)  # fmt: skip
ROOTS = {
    # log4j-slf4j-impl: the broker's own POM has no logging backend, and without one it fails without any message.
    "kafka": ["org.apache.kafka:kafka_2.13:4.1.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"],
    "cassandra": ["org.apache.cassandra:cassandra-all:5.0.6"],
    # One by one: Spark's POM names a repository that may not be reachable. The token provider of 4.0.0 has every method that
    # the 4.2.0 source calls; a later one is not on every mirror. lz4, snappy, zstd come with Spark.
    "spark": [
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",
        "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.0.0",
        "org.apache.kafka:kafka-clients:3.9.2",
        "org.apache.commons:commons-pool2:2.13.1",
    ],
    "compiler": ["org.eclipse.jdt:ecj:3.40.0"],  # of the native engine: it needs no JDK
    # YARN and HDFS as processes, of the version of pyspark's own Hadoop. The jar is shaded, but for a logging backend and Bouncy Castle.
    "hadoop": [
        "org.apache.hadoop:hadoop-client-minicluster:3.5.0",
        "org.slf4j:slf4j-reload4j:1.7.36",
        "org.bouncycastle:bcpkix-jdk18on:1.82",
    ],
    # S3A with the parts of the AWS SDK that it uses: 20 MB, and the SDK's bundle 650 MB. One by one: a POM of the SDK names a version that
    # its parent sets, which the resolver does not read. Netty, Apache's HTTP client, SLF4J and commons-* come with Spark.
    "s3a": [
        "org.apache.hadoop:hadoop-aws:3.5.0",
        *(f"software.amazon.awssdk:{part}:2.35.5" for part in AWS_SDK),
        "software.amazon.eventstream:eventstream:1.0.1",
        "software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:1.3.1",
        "org.reactivestreams:reactive-streams:1.0.4",
        "org.wildfly.openssl:wildfly-openssl:2.2.5.Final",
        "commons-logging:commons-logging:1.2",
    ],
    # An agent with the parts that docs/shippers.md configures. One by one: with all that their POMs name they are more than a hundred.
    "flume": [
        *(f"{part}:1.11.0" for part in FLUME),
        "org.apache.kafka:kafka-clients:2.7.2",
        "org.apache.avro:avro:1.11.0",
        "org.mapdb:mapdb:0.9.9",
        "com.google.guava:guava:11.0.2",
        "com.google.code.gson:gson:2.9.1",
        "com.google.protobuf:protobuf-java:2.5.0",
        *(f"com.fasterxml.jackson.core:jackson-{part}" for part in ("core:2.13.2", "databind:2.13.2.1", "annotations:2.13.2")),
        "commons-lang:commons-lang:2.6",
        "commons-io:commons-io:2.11.0",
        "commons-cli:commons-cli:1.5.0",
        "commons-collections:commons-collections:3.2.2",
        "org.apache.commons:commons-lang3:3.11",
        "org.apache.commons:commons-text:1.10.0",
        "org.lz4:lz4-java:1.7.1",
        "org.slf4j:slf4j-api:1.7.32",
        *(f"org.apache.logging.log4j:log4j-{part}:2.18.0" for part in ("api", "core", "slf4j-impl")),
    ],
}
STACK = ("kafka", "cassandra", "spark", "compiler")  # what `weir up` downloads; the other sets are for tests, and for drivers that use S3A
NOT_TRANSITIVE = {"spark", "s3a", "compiler", "flume"}
# Tools, and native libraries of platforms that Weir does not run on.
UNUSED = ("windows-x86_64", "riscv64", "org.gridkit", "scala-reflect", "netty-resolver-dns-native-macos")


@dataclass(frozen=True)
class Jar:
    """`coordinate` is group:artifact:version[:classifier]; `sha256` is in hex."""

    coordinate: str
    sha256: str

    @property
    def path(self) -> Path:
        """Return its path in a Maven repository."""
        group, artifact, version, *classifier = self.coordinate.split(":")
        name = "-".join([artifact, version, *classifier]) + ".jar"
        return cache().joinpath(*group.split("."), artifact, version, name)


def cache() -> Path:
    """Return the jar cache: WEIR_CACHE, else Maven's own repository. It is outside `.venv`, so a second clone downloads nothing."""
    chosen = os.environ.get("WEIR_CACHE") or os.environ.get("M2_REPO")
    return Path(chosen) if chosen else Path.home() / ".m2" / "repository"


def locked(name: str) -> list[Jar]:
    """Return the jars of the set `name`, a key of ROOTS, in class path order."""
    rows = (line.split() for line in LOCK.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return [Jar(coordinate, sha256) for owner, coordinate, sha256 in rows if owner == name]


def class_path(name: str) -> list[Path]:
    """Return the paths of the set's jars, all with the right checksum. Downloads what is missing or damaged.

    Raises StackFailed with the coordinate if a jar is not available, or is not the pinned file.
    """
    jars = locked(name)
    with ThreadPoolExecutor(8) as pool:
        wanted = [jar for jar, fits in zip(jars, pool.map(_fits, jars), strict=True) if not fits]
        if wanted:
            with _alone():
                list(pool.map(_download, wanted))
    return [jar.path for jar in jars]


def fetched(jar: Jar) -> Path:
    """Return the path of a jar outside the sets, downloaded if needed. Raises StackFailed as `class_path` does."""
    with _alone():
        _download(jar)
    return jar.path


def _fits(jar: Jar) -> bool:
    return jar.path.exists() and _sha256(jar.path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Lock the cache: of two stacks that start at once, one downloads and the other then finds the files."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".weir-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(jar: Jar, attempts: int = 3) -> None:
    """Download until the checksum fits; a half-written or wrong file never stays."""
    reason = ""
    for _ in range(attempts):
        if _fits(jar):
            return
        jar.path.unlink(missing_ok=True)
        try:
            _fetch(jar)
        except Exception as error:  # noqa: BLE001  (the resolver raises what its HTTP library raises; all mean "not here, not now")
            reason = str(error)
            continue
        if _fits(jar):
            return
        reason = f"its sha256 is {_sha256(jar.path)}, pinned is {jar.sha256}"
        jar.path.unlink()
    raise StackFailed(
        f"The jar {jar.coordinate} could not be downloaded: {reason}.",
        "Check the network or the Maven mirror, then run `weir up` again. Jars that were downloaded are kept.",
    )


def _fetch(jar: Jar) -> None:
    _artifact(jar.coordinate).resolve()


def _maven() -> Any:
    from jgo.maven import MavenContext

    # 60 s: a slow mirror needs more than the resolver's 10 s for the first byte of a large jar.
    return MavenContext(repo_cache=cache(), timeout=60)


def _resolve(name: str) -> list[Jar]:
    """Resolve each root by itself: together, one root's version management overrides the other's (kafka-clients 3.8 for 4.1)."""
    maven = _maven()
    found: dict[tuple[str, str, str], Any] = {}
    for root in ROOTS[name]:
        for artifact in [_artifact(root)] if name in NOT_TRANSITIVE else _with_dependencies(maven, root):
            found.setdefault((artifact.groupId, artifact.artifactId, artifact.classifier), artifact)
    used = [artifact for artifact in found.values() if not any(word in str(artifact) for word in UNUSED)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda artifact: artifact.resolve(), used))
    return [Jar(_coordinate(artifact), _sha256(path)) for artifact, path in zip(used, paths, strict=True)]


def _with_dependencies(maven: Any, root: str) -> list[Any]:
    inputs, further = maven.resolver.resolve([maven.create_dependency(root)], transitive=True)
    return [dependency.artifact for dependency in [*inputs, *further]]


def _artifact(coordinate: str) -> Any:
    group, artifact, version, *classifier = coordinate.split(":")
    return _maven().project(group, artifact).at_version(version).artifact(*classifier)


def _coordinate(artifact: Any) -> str:
    parts = [artifact.groupId, artifact.artifactId, artifact.version, artifact.classifier]
    return ":".join(part for part in parts if part)


def write_lock(anew: Collection[str] = ()) -> None:
    """Resolve the sets `anew`, or all, and pin every jar. This trusts what the repository serves today: read the difference before
    committing it."""
    lines = ["# set  coordinate  sha256 -- written by `make lock`"]
    for name in ROOTS:
        pinned = _resolve(name) if name in anew or not anew else locked(name)
        lines += [f"{name} {jar.coordinate} {jar.sha256}" for jar in sorted(pinned, key=lambda jar: jar.coordinate)]
    LOCK.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write_lock(sys.argv[1:])
