"""The classes of a driver, archived once for each installation: a start maps them instead of reading, checking and linking 17,000 of them.

A driver from its start to its first landed batch took 30 CPU-s without the archive and 20 with it. The JVM makes it when a rehearsal of the
job ends (https://openjdk.org/jeps/350) and takes it only for the very same class path, in which no folder may hold files: so drivers find
their settings in their environment. Without an archive, or with one that does not fit, they start as ever.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from weir.local import folder, jars
from weir.local.part import Stack, java
from weir.settings import Settings, home

JOB = "error_counts"
WITHIN_S = 900.0  # 45 CPU-s, behind everything else


def place() -> Path:
    """Where an installation keeps its archives; of one installation, since they hold its paths."""
    path = Path(sys.prefix) / "var" / "weir"
    path.mkdir(parents=True, exist_ok=True)
    return path


def no_settings() -> Path:
    """The folder that Spark is told to look for settings in, and that stays empty."""
    path = place() / "conf"
    path.mkdir(exist_ok=True)
    return path


def class_path(spark: Path) -> str:
    """A driver's class path, letter by letter as Spark's worker writes it (AbstractCommandBuilder.buildClassPath)."""
    first = sorted((spark / "jars").glob("slf4j-api-*.jar"))
    return os.pathsep.join([f"{no_settings()}{os.sep}", *map(str, first), str(spark / "jars" / "*")])


def archive(spark: Path) -> Path:
    """The archive for this Java and these jars, whether it is there or not."""
    known = [os.path.realpath(java()), class_path(spark), *sorted(jar.name for jar in (spark / "jars").glob("*.jar"))]
    return place() / f"classes-{hashlib.sha256(chr(10).join(known).encode()).hexdigest()[:16]}.jsa"


def options(spark: Path) -> str:
    """What makes a JVM use the archive if it can, for JDK_JAVA_OPTIONS."""
    return f'-Xshare:auto "-XX:SharedArchiveFile={archive(spark)}" -Xlog:cds=off -Xlog:class+path=off'


def begin(stack: Stack, spark: Path) -> None:
    """Have the archive made in the background, if there is none. `weir down` ends what still works on it."""
    if archive(spark).exists():
        return
    with stack.log("class-archive").open("ab") as log:
        command = [sys.executable, "-m", "weir.local.class_archive"]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=stack.env(), cwd=stack.home, start_new_session=True)


def make(stack: Stack, spark: Path, env: dict[str, str]) -> None:
    """Rehearse the job in a JVM that archives its classes at the end. Raises CalledProcessError or TimeoutExpired."""
    asked = _late("weir.supervise.rehearsal", "rehearsal")(Settings.load(), JOB)
    request = _late("weir.cluster.spark", "create_request")(asked, "")
    # The JVM refuses to make an archive while it is told to use one.
    env = {**env, "JDK_JAVA_OPTIONS": env["JDK_JAVA_OPTIONS"].replace(options(spark), "")}
    made = archive(spark).with_suffix(f".{os.getpid()}")
    extra = asked.conf.get("spark.driver.extraJavaOptions", "").split()
    jvm = [java(), f"-XX:ArchiveClassesAtExit={made}", f"-Xmx{asked.driver_memory}", *extra, "-cp", class_path(spark)]
    try:
        subprocess.run(
            [*jvm, "org.apache.spark.deploy.SparkSubmit", *request["appArgs"]],
            env={**env, **asked.env}, cwd=stack.folder("spark"), timeout=WITHIN_S, check=True,
        )  # fmt: skip
        made.rename(archive(spark))
    finally:
        made.unlink(missing_ok=True)


def _late(module: str, name: str) -> Any:
    """These modules sit above the embedded stack; it must not need them to start a server."""
    return getattr(importlib.import_module(module), name)


def main() -> None:
    """Make the archive, as the only one of this installation."""
    spark = importlib.import_module("weir.local.spark")
    os.nice(19)
    jars.class_path("spark")
    with (place() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive(spark.spark_home()).exists():
            stack = folder.load(home())
            make(stack, spark.spark_home(), spark.driver_env(stack))


if __name__ == "__main__":
    main()
