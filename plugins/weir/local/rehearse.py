"""Archive the classes of a job's drivers, by a rehearsal of the job in the background, once for each installation."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from weir.errors import WeirError
from weir.local import folder
from weir.local.class_archive import archive, class_path, options, place
from weir.local.part import Stack, java, late
from weir.local.process import Child
from weir.local.spark import driver_env, spark_home
from weir.settings import Settings, home

if TYPE_CHECKING:
    from weir.ports.cluster import Submission

WITHIN_S = 3600.0  # it takes 45 CPU-s at the lowest priority: beside two busy processes it was not ready after 900 s
HARMLESS = "This does no harm: drivers only start more slowly. To try again: `weir down`, then `weir up`."


def begin(stack: Stack, spark: Path, job: str) -> None:
    """Make the archive in the background if there is none. `weir down` ends it."""
    if archive(spark).exists():
        return
    with stack.log("class-archive").open("ab") as log:
        command = [sys.executable, "-m", "weir.local.rehearse", job]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=stack.env(), cwd=stack.home, start_new_session=True)


def make(stack: Stack, spark: Path, asked: Submission, env: dict[str, str]) -> None:
    """Run a rehearsal in a JVM that archives its classes at the end. Raises CalledProcessError or TimeoutExpired."""
    # The JVM refuses to make an archive while an option tells it to use one.
    env = {**env, "JDK_JAVA_OPTIONS": env["JDK_JAVA_OPTIONS"].replace(options(spark), "")}
    made = archive(spark).with_suffix(".part")  # one process at a time; leftovers of a killed one are overwritten
    try:
        subprocess.run(
            command(asked, spark, f"-XX:ArchiveClassesAtExit={made}"),
            env={**env, **asked.env}, cwd=stack.folder("spark"), timeout=WITHIN_S, check=True,
        )  # fmt: skip
        made.rename(archive(spark))
    finally:
        made.unlink(missing_ok=True)


def command(asked: Submission, spark: Path, *options: str) -> list[str]:
    """Return the command that a worker would run for a submission."""
    request = late("weir.cluster.spark", "create_request")(asked, "")
    extra = asked.conf.get("spark.driver.extraJavaOptions", "").split()
    path = os.pathsep.join(filter(None, [asked.conf.get("spark.driver.extraClassPath"), class_path(spark)]))
    jvm = [java(), *options, f"-Xmx{asked.driver_memory}", *extra, "-cp", path]
    return [*jvm, "org.apache.spark.deploy.SparkSubmit", *request["appArgs"]]


def main(job: str) -> None:
    """Make the archive, one process at a time for each installation. Errors go to the log, since nothing waits for this process."""
    Child.of_this_process().go_behind(19)  # at normal priority it took a third of the machine
    with (place() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive(spark_home()).exists():
            stack = folder.load(home())
            settings = Settings.load()
            try:
                asked = late("weir.counts.rehearsal", "rehearsal")(settings, job, late("weir.factory", "source_of")(settings))
                make(stack, spark_home(), asked, driver_env(stack))
            except (WeirError, subprocess.SubprocessError) as error:
                sys.exit(f"The classes of {job} were not archived ({error}). {HARMLESS}")


if __name__ == "__main__":
    main(sys.argv[1])
