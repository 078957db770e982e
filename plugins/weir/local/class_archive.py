"""The classes of a driver, archived once for each installation: a start maps them instead of reading, checking and linking each.

A rehearsal of the job took 35 CPU-s without the archive and 24 with it. The JVM makes it when a rehearsal of the
job ends (https://openjdk.org/jeps/350) and takes it only for the very same class path, in which no folder may hold files: so drivers find
their settings in their environment. Without an archive, or with one that does not fit, they start as ever.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from weir.errors import WeirError
from weir.local import folder
from weir.local.part import Stack, java, late
from weir.settings import Settings, home

WITHIN_S = 900.0  # 45 CPU-s, behind everything else
HARMLESS = "Its drivers start as they did before, only more slowly; `weir down` and `weir up` try it again."


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


def begin(stack: Stack, spark: Path, job: str) -> None:
    """Have the archive made in the background, if there is none. `weir down` ends what still works on it."""
    if archive(spark).exists():
        return
    with stack.log("class-archive").open("ab") as log:
        command = [sys.executable, "-m", "weir.local.class_archive", job]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=stack.env(), cwd=stack.home, start_new_session=True)


def make(stack: Stack, spark: Path, job: str, env: dict[str, str]) -> None:
    """Rehearse the job in a JVM that archives its classes at the end. Raises CalledProcessError or TimeoutExpired."""
    asked = late("weir.supervise.rehearsal", "rehearsal")(Settings.load(), job)
    request = late("weir.cluster.spark", "create_request")(asked, "")
    # The JVM refuses to make an archive while it is told to use one.
    env = {**env, "JDK_JAVA_OPTIONS": env["JDK_JAVA_OPTIONS"].replace(options(spark), "")}
    made = archive(spark).with_suffix(".part")  # by one process at a time; what a killed one left is written over
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


def main(job: str) -> None:
    """Make the archive, as the only one of this installation. What goes wrong is told to the log: nobody waits for it."""
    from weir.local import spark  # it names the archive to its drivers

    os.nice(19)
    with (place() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive(spark.spark_home()).exists():
            stack = folder.load(home())
            try:
                make(stack, spark.spark_home(), job, spark.driver_env(stack))
            except (WeirError, subprocess.SubprocessError) as error:
                sys.exit(f"The classes of {job} were not archived ({error}). {HARMLESS}")


if __name__ == "__main__":
    main(sys.argv[1])
